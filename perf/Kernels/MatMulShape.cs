using ChainOfSpot.Measurement;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>A projection of a model and the rows that it is given.</summary>
/// <param name="Projection">The projection.</param>
/// <param name="Rows">M of the product.</param>
public sealed record MatMulShape(Projection Projection, int Rows)
{
    private static readonly int[] DecoderRows = [1, 8, 32, 577, 640, 1300];
    private static readonly int[] HeadRows = [1, 8, 32];

    /// <summary>Everything that LLaVA-1.5 7B and 13B multiply.</summary>
    public static IEnumerable<MatMulShape> All()
    {
        LlavaShape small = LlavaShape.Llava7B;
        LlavaShape large = LlavaShape.Llava13B;
        foreach (Projection projection in small.Tower.Concat(large.Tower).Distinct())
            yield return new(projection, small.Patches + 1);
        foreach (Projection projection in small.Decoder.Concat(large.Decoder))
        {
            foreach (int rows in projection.Outputs == small.Vocabulary ? HeadRows : DecoderRows)
                yield return new(projection, rows);
        }
    }

    /// <summary>"name MxNxK".</summary>
    public override string ToString() => $"{Projection.Name} {Rows}x{Projection.Outputs}x{Projection.Inputs}";
}

using ChainOfSpot.Measurement;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>A projection of a model and the rows that it is given.</summary>
/// <param name="Projection">The projection.</param>
/// <param name="Rows">M of the product.</param>
public sealed record MatMulShape(Projection Projection, int Rows)
{
    private static readonly int[] DecoderRows = [1, 8, 32, 577, 640, 1300];
    private static readonly int[] HeadRows = [1, 8, 32];

    /// <summary>Everything that the chosen models multiply.</summary>
    public static IEnumerable<MatMulShape> All()
    {
        foreach (Projection projection in BenchmarkCases.Shapes.SelectMany(shape => shape.Tower).Distinct())
            yield return new(projection, BenchmarkCases.Shapes[0].Patches + 1);
        foreach (LlavaShape shape in BenchmarkCases.Shapes)
        {
            foreach (Projection projection in shape.Decoder)
            {
                foreach (int rows in projection.Outputs == shape.Vocabulary ? HeadRows : DecoderRows)
                    yield return new(projection, rows);
            }
        }
    }

    /// <summary>"name MxNxK".</summary>
    public override string ToString() => $"{Projection.Name} {Rows}x{Projection.Outputs}x{Projection.Inputs}";
}

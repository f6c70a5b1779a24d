using ChainOfSpot.Measurement;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>A projection of a model and the rows that it is given.</summary>
/// <param name="Projection">The projection.</param>
/// <param name="Rows">M of the product.</param>
public sealed record MatMulShape(Projection Projection, int Rows)
{
    /// <summary>One to a few sequences that decode, a picture in the tower, a first question, both passes.</summary>
    private static readonly int[] AllRows = [1, 8, 32, 577, 640, 1300];

    /// <summary>Every projection of the chosen models, those of the tower that they share once, with every number of rows.</summary>
    public static IEnumerable<MatMulShape> All() =>
        from projection in BenchmarkCases.Shapes.SelectMany(shape => shape.Tower.Concat(shape.Decoder)).Distinct()
        from rows in AllRows
        select new MatMulShape(projection, rows);

    /// <summary>"name MxNxK".</summary>
    public override string ToString() => $"{Projection.Name} {Rows}x{Projection.Outputs}x{Projection.Inputs}";
}

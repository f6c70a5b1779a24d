using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>
/// Which models' shapes, weight formats and vector widths are measured. BenchmarkDotNet filters by name only; these go to the processes that
/// it starts in their environment.
/// </summary>
internal static class BenchmarkCases
{
    private const string ShapesVariable = "COS_BENCHMARK_SHAPES";
    private const string WeightsVariable = "COS_BENCHMARK_WEIGHTS";
    private const string ArithmeticVariable = "COS_BENCHMARK_ARITHMETIC";
    private const string VectorBitsVariable = "COS_BENCHMARK_VECTOR_BITS";

    /// <summary>Every format that a matrix is multiplied in.</summary>
    private static readonly ElementType[] AllWeights =
    [
        ElementType.F32, ElementType.F16, ElementType.BF16,
        ElementType.Q4_0, ElementType.Q4_1, ElementType.Q5_0, ElementType.Q5_1, ElementType.Q8_0,
        ElementType.Q2_K, ElementType.Q3_K, ElementType.Q4_K, ElementType.Q5_K, ElementType.Q6_K,
        ElementType.IQ4_NL, ElementType.IQ4_XS,
    ];

    private static readonly int[] AllVectorBits = [128, 256, 512];

    private static readonly Dictionary<string, LlavaShape> AllShapes = new(StringComparer.OrdinalIgnoreCase) { ["7b"] = LlavaShape.Llava7B, ["13b"] = LlavaShape.Llava13B };

    public static IReadOnlyList<LlavaShape> Shapes =>
        Chosen(ShapesVariable) is { } names ? [.. names.Select(name => AllShapes[name])] : [.. AllShapes.Values];

    public static IReadOnlyList<ElementType> Weights =>
        Chosen(WeightsVariable) is { } names ? [.. names.Select(name => Enum.Parse<ElementType>(name, ignoreCase: true))] : AllWeights;

    public static IReadOnlyList<Arithmetic> Arithmetics =>
        Chosen(ArithmeticVariable) is { } names ? [.. names.Select(name => Enum.Parse<Arithmetic>(name, ignoreCase: true))] : [Arithmetic.Exact, Arithmetic.Fast];

    public static IReadOnlyList<int> VectorBits =>
        Chosen(VectorBitsVariable) is { } widths ? [.. widths.Select(int.Parse)] : [CpuDevice.WidestVectorBits];

    /// <summary>Takes "--shapes 7b", "--weights q4_0,f16", "--arithmetic exact" and "--vector-bits 512,256" out of the arguments.</summary>
    /// <exception cref="ArgumentException">A model, a format, an arithmetic or a width that is not measured here.</exception>
    public static string[] Take(string[] args)
    {
        args = TakeOne(args, "--shapes", ShapesVariable);
        args = TakeOne(args, "--weights", WeightsVariable);
        args = TakeOne(args, "--arithmetic", ArithmeticVariable);
        args = TakeOne(args, "--vector-bits", VectorBitsVariable);
        RequireKnown("--shapes", ShapesVariable, AllShapes.Keys);
        RequireKnown("--weights", WeightsVariable, AllWeights.Select(type => $"{type}"));
        RequireKnown("--arithmetic", ArithmeticVariable, Enum.GetNames<Arithmetic>());
        RequireKnown("--vector-bits", VectorBitsVariable, AllVectorBits.Where(bits => bits <= CpuDevice.WidestVectorBits).Select(bits => $"{bits}"));
        return args;
    }

    private static void RequireKnown(string option, string variable, IEnumerable<string> known)
    {
        if (Chosen(variable)?.Except(known, StringComparer.OrdinalIgnoreCase).Any() is true)
            throw new ArgumentException($"{option}: one or more of {string.Join(", ", known)}, separated by commas, were expected.");
    }

    private static string[] TakeOne(string[] args, string option, string variable)
    {
        int index = Array.IndexOf(args, option);
        if (index < 0)
            return args;
        if (index + 1 == args.Length)
            throw new ArgumentException($"{option} needs a value.");
        Environment.SetEnvironmentVariable(variable, args[index + 1]);
        return [.. args[..index], .. args[(index + 2)..]];
    }

    private static string[]? Chosen(string variable) => Environment.GetEnvironmentVariable(variable)?.Split(',');
}

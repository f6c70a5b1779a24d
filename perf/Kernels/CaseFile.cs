using System.Reflection;
using System.Text.Json;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Running;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>What is known of a case besides its time.</summary>
/// <param name="Cost">What it has to compute and to move.</param>
/// <param name="Roof">What the machine could do at most right before it.</param>
/// <param name="AllocatedBytes">Managed bytes that an operation allocates.</param>
internal sealed record CaseFacts(OperationCost Cost, DeviceCeilings Roof, long AllocatedBytes);

/// <summary>
/// Carries the facts of a benchmark from the process that runs it to the one that prints the table: a small file for each
/// benchmark case, in a folder that the printing process names.
/// </summary>
internal static class CaseFile
{
    private const string FolderVariable = "COS_BENCHMARK_FACTS";

    /// <summary>Makes the folder; processes that are started from here inherit its name.</summary>
    public static DirectoryInfo CreateFolder()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("cos-benchmark-facts-");
        Environment.SetEnvironmentVariable(FolderVariable, folder.FullName);
        return folder;
    }

    public static void Write(OperationBenchmark benchmark, CaseFacts facts)
    {
        // The benchmarks run as instances of a generated type, derived from the written one.
        Type type = benchmark.GetType();
        while (type.BaseType is { IsAbstract: false } written)
            type = written;
        IEnumerable<string> parameters = type.GetProperties()
            .Where(p => p.GetCustomAttribute<ParamsAttribute>() is not null || p.GetCustomAttribute<ParamsSourceAttribute>() is not null)
            .Select(p => $"{p.Name}={p.GetValue(benchmark)}");
        File.WriteAllText(PathOf(type, parameters), JsonSerializer.Serialize(facts));
    }

    /// <summary>The facts of a case; none where it failed before they were known.</summary>
    public static CaseFacts? Read(BenchmarkCase benchmark)
    {
        string path = PathOf(benchmark.Descriptor.Type, benchmark.Parameters.Items.Select(p => $"{p.Name}={p.Value}"));
        return File.Exists(path) ? JsonSerializer.Deserialize<CaseFacts>(File.ReadAllText(path)) : null;
    }

    private static string PathOf(Type type, IEnumerable<string> parameters)
    {
        string folder = Environment.GetEnvironmentVariable(FolderVariable)
            ?? throw new InvalidOperationException($"{FolderVariable} is not set; start the benchmarks by this project's own program.");
        string name = $"{type.Name}-{string.Join(',', parameters.Order(StringComparer.Ordinal))}";
        return Path.Combine(folder, string.Concat(name.Split(Path.GetInvalidFileNameChars())) + ".json");
    }
}

using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Report;

/// <summary>A report as people read it.</summary>
internal sealed class MarkdownReport(PerformanceReport report, TextWriter writer)
{
    private const double Giga = 1e9;

    private DeviceCeilings Roof => report.AllThreads.Best;

    public void Write()
    {
        LlavaShape shape = report.Shape;
        writer.WriteLine($"""
            # Performance at the shapes of {shape.Name}

            {report.Machine.Processor}, {report.Machine.LogicalCores} logical cores, {report.Machine.MemoryBytes / Giga:0} GB; {report.Machine.OperatingSystem}; {report.Machine.Runtime}.
            Device: {report.Device}. Taken {report.Taken:yyyy-MM-dd HH:mm} UTC. Weights {report.Weights}, activations fp32.

            ## Roof

            | Threads | fp32 GFLOP/s best | median | bf16 | int8 | GB/s best | median | Ridge, FLOP/byte |
            |---:|---:|---:|---:|---:|---:|---:|---:|
            """);
        WriteCeilings(report.OneThread);
        WriteCeilings(report.AllThreads);
        writer.WriteLine("""

            The roof is measured between the kernels: independent multiply-adds in registers, and reading memory once, every thread in
            four streams side by side.

            ![Roofline](roofline.svg)
            """);
        foreach (IGrouping<string, Measured> group in report.Measured.Where(m => m.Group is not (LayerStacks.Group or EngineRun.Group)).GroupBy(m => m.Group))
            WriteGroup(group.Key, group);
        writer.WriteLine("""

            Times are the best of all rounds. Bytes are those of the operands, each once; "of roof" is the least time that the
            roof allows at the kernel's intensity, divided by its time. Above 100 %: operands were still in a cache.
            """);
        WriteModel();
        WriteEngine();
    }

    private void WriteCeilings(MeasuredCeilings ceilings) => writer.WriteLine(
        $"| {ceilings.Threads} | {ceilings.Best.MultiplyAddsPerSecond / Giga:0.0} | {ceilings.Median.MultiplyAddsPerSecond / Giga:0.0} "
        + $"| {Peak(ceilings.Best.BFloat16OperationsPerSecond)} | {Peak(ceilings.Best.Int8OperationsPerSecond)} "
        + $"| {ceilings.Best.ReadBytesPerSecond / Giga:0.0} | {ceilings.Median.ReadBytesPerSecond / Giga:0.0} | {ceilings.Best.Ridge:0.0} |");

    private static string Peak(double operationsPerSecond) => operationsPerSecond > 0 ? $"{operationsPerSecond / Giga:0}" : "–";

    private void WriteGroup(string name, IEnumerable<Measured> group)
    {
        writer.WriteLine($"\n## {name}\n");
        writer.WriteLine("| | ms | median | GFLOP/s | GB/s | FLOP/byte | of roof |");
        writer.WriteLine("|---|---:|---:|---:|---:|---:|---:|");
        foreach (Measured measured in group)
        {
            writer.WriteLine(
                $"| {measured.Name} | {Milliseconds(measured.Seconds.Best)} | {Milliseconds(measured.Seconds.Median)} | {measured.OperationsPerSecond / Giga:0.0} "
                + $"| {measured.BytesPerSecond / Giga:0.0} | {measured.Cost.Intensity:0.0} | {measured.ShareOfRoof(Roof):P0} |");
        }
    }

    private void WriteModel()
    {
        LlavaShape shape = report.Shape;
        double prefill = WholeModel(LayerStacks.Prefill, shape.Layers) + report.Of(LayerStacks.ReadLogits).Seconds.Best;
        double decode = WholeModel(LayerStacks.Decode, shape.Layers) + report.Of(LayerStacks.ReadLogits).Seconds.Best;
        double encode = WholeModel(LayerStacks.Encode, shape.TowerLayers) + report.Of(LayerStacks.Projector).Seconds.Best;
        writer.WriteLine($"""

            ## Model

            {report.StackLayers} layers one after the other, with the weights of one. Prefill: {shape.PromptRows} rows; decode: one row at position {shape.Context}.
            """);
        WriteGroup("Layers", report.Measured.Where(m => m.Group == LayerStacks.Group));
        writer.WriteLine($"""

            From these, for all {shape.Layers} layers of the decoder and {shape.TowerLayers} of the tower (computed, not measured):

            | | ms | tokens/s |
            |---|---:|---:|
            | image encode | {Milliseconds(encode)} | {shape.Patches / encode:0.0} |
            | prefill, {shape.PromptRows} rows | {Milliseconds(prefill)} | {shape.PromptRows / prefill:0.0} |
            | decode, one token | {Milliseconds(decode)} | {1 / decode:0.00} |
            """);
    }

    private void WriteEngine()
    {
        Measured[] engine = [.. report.Measured.Where(m => m.Group == EngineRun.Group)];
        if (engine.Length == 0)
            return;
        writer.WriteLine("\n## A checkpoint through the engine\n\n| | ms | median | tokens | tokens/s |\n|---|---:|---:|---:|---:|");
        foreach (Measured measured in engine)
        {
            string tokens = measured.Tokens > 0 ? $"{measured.Tokens} | {measured.Tokens / measured.Seconds.Best:0.0}" : " | ";
            writer.WriteLine($"| {measured.Name} | {Milliseconds(measured.Seconds.Best)} | {Milliseconds(measured.Seconds.Median)} | {tokens} |");
        }
    }

    private double WholeModel(string stack, int layers) => report.Of(stack).Seconds.Best / report.StackLayers * layers;

    private static string Milliseconds(double seconds) => seconds < 0.01 ? $"{seconds * 1e3:0.0000}" : $"{seconds * 1e3:0.00}";
}

using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.Text;

namespace ChainOfSpot.Models;

/// <summary>
/// The open files of a LLaVA-1.5 model. Every layout in use is read by a class of its own; behind it a model is a configuration, a
/// vocabulary and tensors, and nothing knows any more where they came from.
/// </summary>
internal abstract class ModelFiles : IDisposable
{
    public abstract LlavaConfig Config { get; }

    public abstract LlamaTokenizer Tokenizer { get; }

    public abstract TokenizerSettings TokenizerSettings { get; }

    public abstract LanguageTensors Language { get; }

    public abstract TowerTensors Tower { get; }

    /// <summary>Bytes of all tensors.</summary>
    public long WeightBytes => Files.Sum(file => file.Tensors.Values.Sum(tensor => tensor.ByteLength));

    /// <summary>The weight files.</summary>
    protected abstract IReadOnlyList<WeightFile> Files { get; }

    /// <summary>Opens the folder of a checkpoint, a GGUF file, or a folder of GGUF files.</summary>
    public static ModelFiles Open(string path, EngineOptions options) =>
        GgufFiles.AreAt(path) ? GgufFiles.Open(path, options) : CheckpointFiles.Open(path, options);

    /// <summary>Brings the weights' pages into memory in the order of the files, so that loading shows progress.</summary>
    public void Prefetch(IProgress<LoadProgress>? progress, CancellationToken cancellation) =>
        WeightFile.Prefetch(Files, progress is null ? null : new Forward(progress), cancellation);

    public void Dispose()
    {
        foreach (WeightFile file in Files)
            file.Dispose();
    }

    private sealed class Forward(IProgress<LoadProgress> progress) : IProgress<(long Done, long Total)>
    {
        public void Report((long Done, long Total) value) => progress.Report(new LoadProgress(value.Done, value.Total));
    }
}

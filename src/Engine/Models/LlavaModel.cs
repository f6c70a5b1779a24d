using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Text;

namespace ChainOfSpot.Models;

/// <summary>A LLaVA-1.5 checkpoint on a device: tokenizer, tower, projector and language model.</summary>
internal sealed class LlavaModel : IDisposable
{
    private readonly ModelFiles _files;

    private LlavaModel(string path, ModelFiles files)
    {
        Path = path;
        _files = files;
    }

    /// <summary>The model's folder or file.</summary>
    public string Path { get; }

    public LlavaConfig Config => _files.Config;

    public LlamaTokenizer Tokenizer => _files.Tokenizer;

    public TokenizerSettings TokenizerSettings => _files.TokenizerSettings;

    public VisionTower Tower { get; private set; } = null!;

    public LanguageModel Language { get; private set; } = null!;

    /// <summary>Opens a model of any layout and puts it on a device.</summary>
    public static LlavaModel Load(
        string path, Device device, EngineOptions options, IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        ModelFiles files = ModelFiles.Open(path, options);
        var model = new LlavaModel(path, files);
        try
        {
            DeviceBudget.Of(files, options, device.PagePositions).Check(device.Name, device.FreeBytes);
            files.Prefetch(progress, cancellation);
            model.Tower = new VisionTower(device, files.Config, files.Tower);
            model.Language = new LanguageModel(
                device, files.Config.Text, files.Language, Math.Min(options.StepRows, files.Config.Text.MaxPositions));
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Language?.Dispose();
        Tower?.Dispose();
        _files.Dispose();
    }
}

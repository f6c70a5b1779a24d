using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.Text;

namespace ChainOfSpot.Models;

/// <summary>A folder of safetensors or PyTorch files in the Hugging Face or the original layout, and its tower's where that is another.</summary>
internal sealed class CheckpointFiles : ModelFiles
{
    private CheckpointFiles(
        LlavaConfig config, LlamaTokenizer tokenizer, TokenizerSettings settings, LlavaTensors tensors, IReadOnlyList<WeightFile> files)
    {
        Config = config;
        Tokenizer = tokenizer;
        TokenizerSettings = settings;
        Files = files;
        Language = tensors.Language(config.Text);
        Tower = tensors.Tower(config);
    }

    public override LlavaConfig Config { get; }

    public override LlamaTokenizer Tokenizer { get; }

    public override TokenizerSettings TokenizerSettings { get; }

    public override LanguageTensors Language { get; }

    public override TowerTensors Tower { get; }

    protected override IReadOnlyList<WeightFile> Files { get; }

    /// <inheritdoc cref="ModelFiles.Open"/>
    public static new CheckpointFiles Open(string folder, EngineOptions options)
    {
        if (!Directory.Exists(folder))
        {
            throw new ModelException(
                folder, "is neither a folder nor a file; expected the folder of a LLaVA-1.5 checkpoint (config.json, tokenizer.model, weights) or a GGUF file.");
        }
        if (options.MmprojFile is { } projector)
            throw new ModelException(projector, $"goes with a GGUF language model; {folder} is a checkpoint's folder, which has its own tower.");
        ConfigReader reader = ConfigReader.Open(folder);
        string? towerFolder = FindTower(folder, reader.TowerName, options.VisionTower);
        LlavaConfig config = reader.Read(towerFolder);
        LlamaTokenizer tokenizer = ReadTokenizer(folder);
        string settingsPath = Path.Combine(folder, "tokenizer_config.json");
        TokenizerSettings settings = File.Exists(settingsPath) ? TokenizerSettings.Read(settingsPath) : new TokenizerSettings(Legacy: null);
        if (tokenizer.Count > config.Text.VocabularySize)
            throw new ModelException(folder, $"the tokenizer has {tokenizer.Count} pieces but the embedding only {config.Text.VocabularySize} rows.");

        Checkpoint checkpoint = Checkpoint.Open(folder);
        Checkpoint? tower = null;
        try
        {
            if (!LlavaTensors.HoldsTower(checkpoint))
            {
                if (towerFolder is null)
                    throw new ModelException(folder, $"the vision tower \"{reader.TowerName}\" is neither in the checkpoint nor beside it; name its folder.");
                tower = Checkpoint.Open(towerFolder);
            }
            var tensors = new LlavaTensors(folder, checkpoint, tower);
            return new CheckpointFiles(config, tokenizer, settings, tensors, [.. checkpoint.Files, .. tower?.Files ?? []]);
        }
        catch
        {
            checkpoint.Dispose();
            tower?.Dispose();
            throw;
        }
    }

    /// <summary>The folder of the vision tower that a checkpoint names: the one given, or one in or beside the checkpoint.</summary>
    internal static string? FindTower(string folder, string? name, string? given)
    {
        if (given is not null)
            return Directory.Exists(given) ? given : throw new ModelException(given, "is not a folder; expected that of the vision tower.");
        if (string.IsNullOrEmpty(name))
            return null;
        string last = Path.GetFileName(name.TrimEnd('/', '\\'));
        string parent = Path.GetDirectoryName(Path.GetFullPath(folder).TrimEnd(Path.DirectorySeparatorChar)) ?? folder;
        return ((ReadOnlySpan<string>)[Path.Combine(folder, last), Path.Combine(parent, last)])
            .ToArray()
            .FirstOrDefault(path => last is not ("" or "." or "..") && File.Exists(Path.Combine(path, "config.json")));
    }

    private static LlamaTokenizer ReadTokenizer(string folder)
    {
        string path = Path.Combine(folder, "tokenizer.model");
        if (!File.Exists(path))
            throw new ModelException(path, "is not there; expected the SentencePiece vocabulary of the model.");
        return LlamaTokenizer.FromFile(path);
    }
}

using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.Text;

namespace ChainOfSpot.Models;

/// <summary>A LLaVA-1.5 checkpoint on a device: tokenizer, tower, projector and language model.</summary>
internal sealed class LlavaModel : IDisposable
{
    private readonly List<Checkpoint> _checkpoints = [];

    private LlavaModel(string path, LlavaConfig config, LlamaTokenizer tokenizer, TokenizerSettings settings)
    {
        Path = path;
        Config = config;
        Tokenizer = tokenizer;
        TokenizerSettings = settings;
    }

    /// <summary>The model's folder.</summary>
    public string Path { get; }

    public LlavaConfig Config { get; }

    public LlamaTokenizer Tokenizer { get; }

    public TokenizerSettings TokenizerSettings { get; }

    public VisionTower Tower { get; private set; } = null!;

    public LanguageModel Language { get; private set; } = null!;

    /// <summary>Opens a model folder of any layout and puts it on a device.</summary>
    public static LlavaModel Load(
        string folder, Device device, EngineOptions options, IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        if (!Directory.Exists(folder))
            throw new ModelException(folder, "is not a folder; expected that of a LLaVA-1.5 checkpoint (config.json, tokenizer.model, weights).");
        ConfigReader reader = ConfigReader.Open(folder);
        string? towerFolder = FindTower(folder, reader.TowerName, options.VisionTower);
        LlavaConfig config = reader.Read(towerFolder);
        LlamaTokenizer tokenizer = ReadTokenizer(folder);
        string settingsPath = System.IO.Path.Combine(folder, "tokenizer_config.json");
        TokenizerSettings settings = File.Exists(settingsPath) ? TokenizerSettings.Read(settingsPath) : new TokenizerSettings(Legacy: null);
        if (tokenizer.Count > config.Text.VocabularySize)
            throw new ModelException(folder, $"the tokenizer has {tokenizer.Count} pieces but the embedding only {config.Text.VocabularySize} rows.");

        var model = new LlavaModel(folder, config, tokenizer, settings);
        try
        {
            Checkpoint checkpoint = Checkpoint.Open(folder);
            model._checkpoints.Add(checkpoint);
            Checkpoint? tower = null;
            if (!LlavaTensors.HoldsTower(checkpoint))
            {
                if (towerFolder is null)
                    throw new ModelException(folder, $"the vision tower \"{reader.TowerName}\" is neither in the checkpoint nor beside it; name its folder.");
                tower = Checkpoint.Open(towerFolder);
                model._checkpoints.Add(tower);
            }
            model.ReadWeights(progress, cancellation);
            var tensors = new LlavaTensors(folder, checkpoint, tower);
            model.Tower = new VisionTower(device, config, tensors);
            model.Language = new LanguageModel(device, config.Text, tensors, Math.Min(options.StepRows, config.Text.MaxPositions));
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
        foreach (Checkpoint checkpoint in _checkpoints)
            checkpoint.Dispose();
        _checkpoints.Clear();
    }

    /// <summary>The folder of the vision tower that a checkpoint names: the one given, or one in or beside the checkpoint.</summary>
    internal static string? FindTower(string folder, string? name, string? given)
    {
        if (given is not null)
            return Directory.Exists(given) ? given : throw new ModelException(given, "is not a folder; expected that of the vision tower.");
        if (string.IsNullOrEmpty(name))
            return null;
        string last = System.IO.Path.GetFileName(name.TrimEnd('/', '\\'));
        string parent = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(folder).TrimEnd(System.IO.Path.DirectorySeparatorChar)) ?? folder;
        return ((ReadOnlySpan<string>)[System.IO.Path.Combine(folder, last), System.IO.Path.Combine(parent, last)])
            .ToArray()
            .FirstOrDefault(path => last is not ("" or "." or "..") && File.Exists(System.IO.Path.Combine(path, "config.json")));
    }

    private static LlamaTokenizer ReadTokenizer(string folder)
    {
        string path = System.IO.Path.Combine(folder, "tokenizer.model");
        if (!File.Exists(path))
            throw new ModelException(path, "is not there; expected the SentencePiece vocabulary of the model.");
        return LlamaTokenizer.FromFile(path);
    }

    /// <summary>Brings the weights' pages into memory in the order of the files, so that loading shows progress.</summary>
    private void ReadWeights(IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        long total = _checkpoints.Sum(c => c.TotalBytes);
        long before = 0;
        foreach (Checkpoint checkpoint in _checkpoints)
        {
            long offset = before;
            checkpoint.Prefetch(progress is null ? null : new Forward(progress, offset, total), cancellation);
            before += checkpoint.TotalBytes;
        }
    }

    private sealed class Forward(IProgress<LoadProgress> progress, long offset, long total) : IProgress<(long Done, long Total)>
    {
        public void Report((long Done, long Total) value) => progress.Report(new LoadProgress(offset + value.Done, total));
    }
}

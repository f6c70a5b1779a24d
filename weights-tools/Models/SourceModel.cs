using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.Text;

namespace ChainOfSpot.WeightsTools.Models;

/// <summary>
/// A checkpoint in any layout and format that can be read: a Hugging Face or original LLaVA folder, GGUF files, or a single
/// weight file. What it lacks and what else it holds is listed, not refused; whoever needs a whole model asks for one.
/// </summary>
internal sealed partial class SourceModel : IDisposable
{
    private const string FirstLayer = "linear_1";

    private readonly List<IDisposable> _files = [];
    private readonly Dictionary<string, SourceTensor> _tensors = [];
    private readonly List<LlavaTensor> _missing = [];
    private readonly List<StoredTensor> _leftOver = [];
    private readonly List<string> _unreadable = [];
    private readonly List<string> _problems = [];

    private SourceModel(string path, string layout)
    {
        Path = path;
        Layout = layout;
    }

    /// <summary>The folder or file.</summary>
    public string Path { get; }

    /// <summary>The layout and format, for people.</summary>
    public string Layout { get; private set; }

    /// <summary>Whether it is a folder of Hugging Face files, whose other files a copy keeps.</summary>
    public bool IsHuggingFace { get; private set; }

    /// <summary>The shape of the language model, where it is one and can be read.</summary>
    public TextConfig? Text { get; private set; }

    /// <summary>The shape of the tower, where there is one and can be read.</summary>
    public VisionConfig? Vision { get; private set; }

    /// <summary>The vocabulary, where there is one.</summary>
    public Vocabulary? Vocabulary { get; private set; }

    /// <summary>The tokenizer's "legacy" flag, where there is one.</summary>
    public bool? LegacyTokenizer { get; private set; }

    /// <summary>The tensors of the model that are there, by <see cref="LlavaTensor.FullName"/>, in the model's order.</summary>
    public IReadOnlyDictionary<string, SourceTensor> Tensors => _tensors;

    /// <summary>The tensors that a forward pass needs and that are not there.</summary>
    public IReadOnlyList<LlavaTensor> Missing => _missing;

    /// <summary>The tensors that are there and no part of a LLaVA model.</summary>
    public IReadOnlyList<StoredTensor> LeftOver => _leftOver;

    /// <summary>The names of what is there of a type that cannot be read.</summary>
    public IReadOnlyList<string> Unreadable => _unreadable;

    /// <summary>What is wrong besides, a line each.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Every tensor of every file.</summary>
    public IEnumerable<StoredTensor> AllStored => _tensors.Values.Select(tensor => tensor.Stored).Concat(_leftOver).Distinct();

    /// <summary>Opens whatever lies at a path.</summary>
    /// <param name="path">A folder or a file.</param>
    /// <param name="tower">The folder of the vision tower, where it is not found by itself.</param>
    /// <param name="projector">The GGUF file of tower and projector, where it is not found by itself.</param>
    /// <exception cref="CommandException">There is nothing of a known kind.</exception>
    /// <exception cref="WeightFileException">A weight file is damaged.</exception>
    public static SourceModel Open(string path, string? tower = null, string? projector = null)
    {
        if (File.Exists(path))
        {
            return System.IO.Path.GetExtension(path) == ".gguf"
                ? OpenGguf(path, path, projector)
                : OpenBare(path, "a single weight file", Checkpoint.OpenFile(path));
        }
        if (!Directory.Exists(path))
            throw new CommandException($"{path} is not there; a checkpoint's folder or a weight file was expected.");
        if (File.Exists(System.IO.Path.Combine(path, "config.json")))
            return OpenFolder(path, tower);
        if (Directory.EnumerateFiles(path, "*.gguf").Any())
            return OpenGguf(path, languageModel: null, projector);
        return OpenBare(path, "weights without a config.json", Checkpoint.Open(path));
    }

    /// <summary>The shape of the whole model.</summary>
    /// <exception cref="CommandException">A part of it is missing.</exception>
    public LlavaConfig RequireWhole()
    {
        TextConfig text = RequireLanguageModel();
        return new LlavaConfig
        {
            Text = text,
            Vision = Vision
                ?? throw new CommandException($"{Path} holds no vision tower; a whole LLaVA model was expected. See --tower and --mmproj."),
        };
    }

    /// <summary>The shape of the language model; what else there is, is whole too.</summary>
    /// <exception cref="CommandException">A part of it is missing.</exception>
    public TextConfig RequireLanguageModel()
    {
        if (_problems.Count > 0)
            throw new CommandException(_problems[0]);
        if (_missing.Count > 0)
            throw new CommandException($"{Path} lacks {_missing.Count} tensors of a LLaVA model; the first is {_missing[0].FullName}.");
        return Text ?? throw new CommandException($"{Path} holds no language model; a config.json or a GGUF language model was expected.");
    }

    /// <summary>The vocabulary.</summary>
    /// <exception cref="CommandException">There is none.</exception>
    public Vocabulary RequireVocabulary() =>
        Vocabulary ?? throw new CommandException($"{Path} holds no tokenizer.model; the vocabulary of the model was expected.");

    /// <summary>Closes all files.</summary>
    public void Dispose()
    {
        foreach (IDisposable file in _files)
            file.Dispose();
    }

    private static SourceModel OpenFolder(string folder, string? tower)
    {
        var model = new SourceModel(folder, "");
        try
        {
            string? towerFolder = null;
            try
            {
                ConfigReader reader = ConfigReader.Open(folder);
                model.IsHuggingFace = reader.TowerName is null;
                model.Layout = model.IsHuggingFace ? "Hugging Face" : "original LLaVA";
                towerFolder = CheckpointFiles.FindTower(folder, reader.TowerName, tower);
                LlavaConfig config = reader.Read(towerFolder);
                (model.Text, model.Vision) = (config.Text, config.Vision);
            }
            catch (ModelException error)
            {
                model._problems.Add(error.Message);
            }
            model.ReadTokenizer(folder);
            Checkpoint checkpoint = model.Own(Checkpoint.Open(folder));
            Checkpoint? towerCheckpoint = towerFolder is null || LlavaTensors.HoldsTower(checkpoint)
                ? null
                : model.Own(Checkpoint.Open(towerFolder));
            model.Take(checkpoint.Tensors, towerCheckpoint?.Tensors);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static SourceModel OpenBare(string path, string layout, Checkpoint checkpoint)
    {
        var model = new SourceModel(path, layout);
        model._leftOver.AddRange(model.Own(checkpoint).Tensors.Values);
        return model;
    }

    private void ReadTokenizer(string folder)
    {
        string path = System.IO.Path.Combine(folder, "tokenizer.model");
        string settings = System.IO.Path.Combine(folder, "tokenizer_config.json");
        try
        {
            if (File.Exists(path))
                Vocabulary = Vocabulary.Of(LlamaTokenizer.FromFile(path));
            if (File.Exists(settings))
                LegacyTokenizer = TokenizerSettings.Read(settings).Legacy;
        }
        catch (InvalidDataException error)
        {
            _problems.Add(error.Message);
        }
    }

    /// <summary>Finds the model's tensors among those of its files, under the names of every layout.</summary>
    private void Take(IReadOnlyDictionary<string, StoredTensor> stored, IReadOnlyDictionary<string, StoredTensor>? towerStored)
    {
        HashSet<StoredTensor> taken = [];
        IReadOnlyList<LlavaTensor> parts = Text is null || Vision is null
            ? []
            : LlavaLayout.Of(new LlavaConfig { Text = Text, Vision = Vision });
        foreach (LlavaTensor tensor in parts)
        {
            bool isSeparateTower = tensor.Part == LlavaPart.Tower && towerStored is not null;
            IReadOnlyDictionary<string, StoredTensor> from = isSeparateTower ? towerStored! : stored;
            StoredTensor? found = NamesOf(tensor, isSeparateTower)
                .Select(name => from.GetValueOrDefault(name))
                .FirstOrDefault(candidate => candidate is not null);
            if (found is null)
            {
                if (tensor.IsUsed)
                    _missing.Add(tensor);
                continue;
            }
            taken.Add(found);
            AddTensor(tensor, found, fromGguf: false);
        }
        _leftOver.AddRange(stored.Values.Concat(towerStored?.Values ?? []).Where(tensor => !taken.Contains(tensor)));
    }

    private static IEnumerable<string> NamesOf(LlavaTensor tensor, bool isSeparateTower) => tensor.Part switch
    {
        LlavaPart.Tower => (isSeparateTower ? LlavaTensors.SeparateTowerPrefixes : LlavaTensors.TowerPrefixes)
            .Select(prefix => prefix + tensor.Name),
        LlavaPart.Projector => (tensor.Name.StartsWith(FirstLayer, StringComparison.Ordinal)
                ? LlavaTensors.ProjectorFirst
                : LlavaTensors.ProjectorSecond)
            .Select(prefix => prefix + tensor.Name[FirstLayer.Length..]),
        _ => (tensor.Name == LlavaLayout.Head ? LlavaTensors.HeadPrefixes : LlavaTensors.TextPrefixes)
            .Select(prefix => prefix + tensor.Name),
    };

    private void AddTensor(LlavaTensor tensor, StoredTensor stored, bool fromGguf)
    {
        if (!tensor.Shape.SequenceEqual(stored.Shape))
        {
            _problems.Add(
                $"tensor {stored.Name} is [{string.Join(", ", stored.Shape)}] in {stored.File}; "
                + $"the configuration says [{string.Join(", ", tensor.Shape)}]");
            _leftOver.Add(stored);
            return;
        }
        _tensors.Add(tensor.FullName, new SourceTensor(tensor, stored, fromGguf));
    }

    private Checkpoint Own(Checkpoint checkpoint)
    {
        _files.Add(checkpoint);
        _unreadable.AddRange(checkpoint.Unreadable);
        return checkpoint;
    }

    private GgufFile Own(GgufFile file)
    {
        _files.Add(file);
        return file;
    }
}

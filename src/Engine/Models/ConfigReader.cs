using System.Text.Json;

namespace ChainOfSpot.Models;

/// <summary>
/// Reads config.json of both layouts: Hugging Face ("text_config" and "vision_config") and original LLaVA (flat, with the
/// tower named by "mm_vision_tower"). Missing keys take the defaults of LlamaConfig and of the LLaVA conversion.
/// </summary>
internal sealed class ConfigReader
{
    /// <summary>Bounds of numbers that no tensor's shape bounds, far above every model's.</summary>
    public const int MaxPositions = 1 << 20;
    public const int MaxImageSide = 1 << 13;
    private const int MaxWidth = 1 << 24;
    private const int MaxFileBytes = 16 << 20;

    private static readonly float[] ClipMean = [0.48145466f, 0.4578275f, 0.40821073f];
    private static readonly float[] ClipStd = [0.26862954f, 0.26130258f, 0.27577711f];

    private readonly string _path;
    private readonly JsonElement _root;

    private ConfigReader(string path, JsonElement root)
    {
        _path = path;
        _root = root;
    }

    /// <summary>The checkpoint names a tower that lies elsewhere.</summary>
    public string? TowerName => IsOriginal ? Text(_root, "mm_vision_tower") : null;

    private bool IsOriginal => !_root.TryGetProperty("vision_config", out _);

    public static ConfigReader Open(string folder)
    {
        string path = Path.Combine(folder, "config.json");
        JsonElement root = ReadJson(path);
        var reader = new ConfigReader(path, root);
        string type = Text(root, "model_type") ?? "nothing";
        if (type is not ("llava" or "llava_llama"))
            throw new ModelException(path, $"\"model_type\" is \"{type}\"; expected \"llava\" or \"llava_llama\" (LLaVA-1.5).");
        return reader;
    }

    /// <summary>Reads the shape of the model; <paramref name="towerFolder"/> holds the tower's own configuration, where it has one.</summary>
    public LlavaConfig Read(string? towerFolder)
    {
        JsonElement text = IsOriginal ? _root : Section(_path, _root, "text_config");
        CheckSupported();
        return new LlavaConfig { Text = ReadText(text), Vision = ReadVision(towerFolder) };
    }

    private void CheckSupported()
    {
        string? projector = IsOriginal ? Text(_root, "mm_projector_type") : Text(_root, "projector_hidden_act");
        string expected = IsOriginal ? "mlp2x_gelu" : "gelu";
        if (projector is not null && projector != expected)
            throw new ModelException(_path, $"the projector is \"{projector}\"; expected \"{expected}\".");
        string? strategy = Text(_root, IsOriginal ? "mm_vision_select_feature" : "vision_feature_select_strategy");
        if (strategy is not (null or "patch" or "default"))
            throw new ModelException(_path, $"picture features are selected by \"{strategy}\"; expected the patches without the class token.");
        if (_root.TryGetProperty("mm_use_im_start_end", out JsonElement marks) && marks.ValueKind == JsonValueKind.True)
            throw new ModelException(_path, "\"mm_use_im_start_end\" is true; expected false, as in LLaVA-1.5.");
    }

    private TextConfig ReadText(JsonElement text)
    {
        string? type = Text(text, "model_type");
        if (type is not (null or "llama" or "llava" or "llava_llama"))
            throw new ModelException(_path, $"the language model is a \"{type}\"; expected \"llama\".");
        foreach (string key in (ReadOnlySpan<string>)["rope_scaling", "rope_parameters"])
        {
            if (text.TryGetProperty(key, out JsonElement rope) && rope.ValueKind != JsonValueKind.Null)
            {
                rope = Section(_path, text, key);
                string scaling = Text(rope, "rope_type") ?? Text(rope, "type") ?? "default";
                if (scaling != "default")
                    throw new ModelException(_path, $"\"{key}\" asks for \"{scaling}\" scaling of positions; expected none, as in LLaVA-1.5.");
            }
        }

        int hidden = Positive(text, "hidden_size", 4096);
        int heads = Positive(text, "num_attention_heads", 32);
        int kvHeads = Positive(text, "num_key_value_heads", heads);
        if (heads % kvHeads != 0)
            throw new ModelException(_path, $"{heads} query heads are not a multiple of {kvHeads} key-value heads.");
        int headDim = Positive(text, "head_dim", hidden % heads == 0 ? hidden / heads : 0);
        if (headDim == 0)
            throw new ModelException(_path, $"\"hidden_size\" {hidden} is not a multiple of {heads} heads and \"head_dim\" is missing.");
        if (headDim % 2 != 0)
            throw new ModelException(_path, $"\"head_dim\" is {headDim}; expected an even number.");
        if ((long)heads * headDim > MaxWidth)
            throw new ModelException(_path, $"{heads} heads of \"head_dim\" {headDim} are wider than {MaxWidth}.");
        float theta = text.TryGetProperty("rope_parameters", out JsonElement parameters) && parameters.ValueKind == JsonValueKind.Object
            ? Number(parameters, "rope_theta", 10000f)
            : Number(text, "rope_theta", 10000f);
        return new TextConfig
        {
            HiddenSize = hidden,
            IntermediateSize = Positive(text, "intermediate_size", 11008),
            Layers = Positive(text, "num_hidden_layers", 32),
            Heads = heads,
            KvHeads = kvHeads,
            HeadDim = headDim,
            NormEpsilon = Number(text, "rms_norm_eps", 1e-6f),
            RopeTheta = theta,
            MaxPositions = Positive(text, "max_position_embeddings", IsOriginal ? 4096 : 2048, MaxPositions),
            VocabularySize = Positive(text, "vocab_size", 32000),
            TiedHead = text.TryGetProperty("tie_word_embeddings", out JsonElement tied) && tied.ValueKind == JsonValueKind.True,
        };
    }

    private VisionConfig ReadVision(string? towerFolder)
    {
        string path = _path;
        JsonElement vision;
        if (!IsOriginal)
        {
            vision = Section(_path, _root, "vision_config");
        }
        else if (towerFolder is not null)
        {
            path = Path.Combine(towerFolder, "config.json");
            vision = ReadJson(path);
            if (vision.TryGetProperty("vision_config", out _))
                vision = Section(path, vision, "vision_config");
        }
        else
        {
            string name = TowerName ?? throw new ModelException(_path, "neither \"vision_config\" nor \"mm_vision_tower\" is there; expected a LLaVA model.");
            if (!name.EndsWith("clip-vit-large-patch14-336", StringComparison.Ordinal))
                throw new ModelException(_path, $"the vision tower \"{name}\" is not beside the model; expected its folder there, or the path of it as the tower option.");
            vision = JsonDocument.Parse("{}").RootElement;
        }

        var reader = new ConfigReader(path, vision);
        int layers = reader.Positive(vision, "num_hidden_layers", 24);
        int imageSize = reader.Positive(vision, "image_size", 336, MaxImageSide);
        int patch = reader.Positive(vision, "patch_size", 14);
        int hidden = reader.Positive(vision, "hidden_size", 1024);
        int heads = reader.Positive(vision, "num_attention_heads", 16);
        if (imageSize % patch != 0)
            throw new ModelException(path, $"\"image_size\" {imageSize} is not a multiple of \"patch_size\" {patch}.");
        if (hidden % heads != 0)
            throw new ModelException(path, $"\"hidden_size\" {hidden} of the tower is not a multiple of its {heads} heads.");
        string activation = Text(vision, "hidden_act") ?? "quick_gelu";
        if (activation is not ("quick_gelu" or "gelu"))
            throw new ModelException(path, $"the tower's \"hidden_act\" is \"{activation}\"; expected \"quick_gelu\" or \"gelu\".");
        (IReadOnlyList<float> mean, IReadOnlyList<float> std) = ReadNormalization(towerFolder);
        return new VisionConfig
        {
            HiddenSize = hidden,
            IntermediateSize = reader.Positive(vision, "intermediate_size", 4096),
            Layers = layers,
            FeatureLayers = FeatureLayers(layers),
            Heads = heads,
            ImageSize = imageSize,
            PatchSize = patch,
            NormEpsilon = reader.Number(vision, "layer_norm_eps", 1e-5f),
            QuickGelu = activation == "quick_gelu",
            Mean = mean,
            Std = std,
        };
    }

    /// <summary>hidden_states[n] is the output of the n-th layer; negative n counts from the end.</summary>
    private int FeatureLayers(int layers)
    {
        string key = IsOriginal ? "mm_vision_select_layer" : "vision_feature_layer";
        int index = -2;
        if (_root.TryGetProperty(key, out JsonElement value) && !(value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out index)))
            throw new ModelException(_path, $"\"{key}\" is {value.GetRawText()}; expected one whole number.");
        int run = index < 0 ? layers + 1 + index : index;
        if (run < 1 || run > layers)
            throw new ModelException(_path, $"\"{key}\" is {index}, but the tower has {layers} layers.");
        return run;
    }

    private (IReadOnlyList<float> Mean, IReadOnlyList<float> Std) ReadNormalization(string? towerFolder)
    {
        string path = Path.Combine(towerFolder ?? Path.GetDirectoryName(_path)!, "preprocessor_config.json");
        if (!File.Exists(path))
            return (ClipMean, ClipStd);
        JsonElement root = ReadJson(path);
        return (Triple("image_mean", ClipMean, above: -1), Triple("image_std", ClipStd, above: 0));

        IReadOnlyList<float> Triple(string key, float[] fallback, float above)
        {
            if (!root.TryGetProperty(key, out JsonElement list))
                return fallback;
            if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() != 3 || !list.EnumerateArray().All(x => IsLevel(x, above)))
                throw new ModelException(path, $"\"{key}\" is {list.GetRawText()}; expected three numbers above {above}, at most 1.");
            return [.. list.EnumerateArray().Select(x => x.GetSingle())];
        }
    }

    private static bool IsLevel(JsonElement value, float above) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out float number) && number > above && number <= 1;

    private static JsonElement Section(string path, JsonElement parent, string key)
    {
        if (!parent.TryGetProperty(key, out JsonElement section))
            throw new ModelException(path, $"\"{key}\" is missing; expected a JSON object.");
        return section.ValueKind == JsonValueKind.Object
            ? section
            : throw new ModelException(path, $"\"{key}\" is {section.GetRawText()}; expected a JSON object.");
    }

    private static string? Text(JsonElement element, string key) =>
        element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private int Positive(JsonElement element, string key, int fallback, int largest = MaxWidth)
    {
        if (!element.TryGetProperty(key, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
            return fallback;
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out int number) || number < 1 || number > largest)
            throw new ModelException(_path, $"\"{key}\" is {value.GetRawText()}; expected a whole number from 1 to {largest}.");
        return number;
    }

    private float Number(JsonElement element, string key, float fallback)
    {
        if (!element.TryGetProperty(key, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
            return fallback;
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetSingle(out float number) || !float.IsFinite(number) || number <= 0)
            throw new ModelException(_path, $"\"{key}\" is {value.GetRawText()}; expected a positive number.");
        return number;
    }

    private static JsonElement ReadJson(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            if (file.Length > MaxFileBytes)
                throw new ModelException(path, $"has {file.Length} bytes; expected a configuration of at most {MaxFileBytes}.");
            using JsonDocument document = JsonDocument.Parse(file);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new ModelException(path, "expected a JSON object.");
            return document.RootElement.Clone();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelException(path, "is not there; expected a LLaVA-1.5 model folder with a config.json.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelException(path, $"cannot be read: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new ModelException(path, $"is not JSON: {e.Message}", e);
        }
    }
}

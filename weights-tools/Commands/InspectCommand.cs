using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.Text;
using ChainOfSpot.WeightsTools.Models;
using ChainOfSpot.WeightsTools.Output;
using Spectre.Console;

namespace ChainOfSpot.WeightsTools.Commands;

/// <summary><c>cos-weights inspect</c>: what a checkpoint is, holds and lacks. Reads headers only.</summary>
internal sealed class InspectCommand : Command
{
    /// <summary>What its help ends with.</summary>
    public const string Examples = """
        Examples:
          cos-weights inspect llava-1.5-7b-hf                          a Hugging Face or original LLaVA folder
          cos-weights inspect llava-v1.5-7b --tower clip-large-336     an original checkpoint whose tower lies elsewhere
          cos-weights inspect ggml-model-q4_k.gguf                     a GGUF file, with the mmproj file beside it
          cos-weights inspect adapter_model.safetensors                one weight file
          cos-weights inspect llava-1.5-7b-hf --json                   everything, each tensor too

        Only headers are read. "cos-weights verify" reads the weights.
        """;

    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string?> _tower = CommonOptions.Tower();
    private readonly Option<string?> _projector = CommonOptions.Projector();
    private readonly Option<bool> _json = CommonOptions.Json();

    public InspectCommand(Terminal terminal)
        : base("inspect", "Shows what a checkpoint is, which tensors it holds, and what it lacks to be a LLaVA model.")
    {
        Add(_model);
        Add(_tower);
        Add(_projector);
        Add(_json);
        SetAction(parsed =>
        {
            using SourceModel model = SourceModel.Open(parsed.GetValue(_model)!, parsed.GetValue(_tower), parsed.GetValue(_projector));
            if (parsed.GetValue(_json))
                terminal.Out.WriteLine(JsonText.Of(ToJson(model)));
            else
                WriteTables(model, terminal);
            return 0;
        });
    }

    private static bool IsWhole(SourceModel model) =>
        model.Text is not null && model.Vision is not null && model.Missing.Count == 0 && model.Problems.Count == 0;

    private static void WriteTables(SourceModel model, Terminal terminal)
    {
        StoredTensor[] stored = [.. model.AllStored];
        var facts = new Table().HideHeaders().AddColumn("").AddColumn("");
        AddFact("checkpoint", model.Path);
        AddFact("layout", model.Layout);
        AddFact("whole LLaVA-1.5 model", IsWhole(model) ? "yes" : "no");
        AddFact("size", $"{Sizes.Format(stored.Sum(t => t.ByteLength))}, {Count(stored.Sum(t => t.ElementCount))} weights");
        var types = stored.GroupBy(t => t.Type).Select(g => (g.Key, Count: g.Count(), Bytes: g.Sum(t => t.ByteLength)));
        foreach (var type in types.OrderByDescending(type => type.Bytes))
            AddFact($"  as {type.Key}", $"{Sizes.Format(type.Bytes)} in {type.Count} tensors");
        if (model.Text is { } text)
        {
            AddFact("language model", $"{text.Layers} layers, width {text.HiddenSize}, inner width {text.IntermediateSize}");
            AddFact("  heads", $"{text.Heads} of {text.HeadDim}, {text.KvHeads} for keys and values");
            AddFact("  context", $"{text.MaxPositions} positions, RoPE base {Number(text.RopeTheta)}");
            AddFact("  norm epsilon", Number(text.NormEpsilon));
            AddFact("  vocabulary rows", $"{text.VocabularySize}{(text.TiedHead ? ", the head is the embedding" : "")}");
        }
        if (model.Vision is { } vision)
        {
            AddFact("vision tower", $"{vision.Layers} layers, width {vision.HiddenSize}, inner width {vision.IntermediateSize}");
            AddFact("  features", $"behind layer {vision.FeatureLayers}");
            AddFact("  heads", Number(vision.Heads));
            AddFact("  picture", $"{vision.ImageSize} pixels, patches of {vision.PatchSize}: {vision.Patches} tokens");
            AddFact("  activation", vision.QuickGelu ? "quick GELU" : "GELU");
        }
        if (model.Vocabulary is { } vocabulary)
        {
            string bytes = vocabulary.Types.Contains(PieceType.Byte) ? "byte fallback" : "no byte fallback";
            AddFact("vocabulary", $"{vocabulary.Pieces.Count} pieces, {bytes}");
            AddFact("  marks", $"begin {vocabulary.BosId}, end {vocabulary.EosId}, unknown {vocabulary.UnkId}");
        }
        terminal.Write(facts);

        if (model.Tensors.Count > 0)
            terminal.Write(TensorTable("tensor", model.Tensors.Values.Select(t => (t.Tensor.FullName, t.Stored))));
        if (model.LeftOver.Count > 0)
            terminal.Write(TensorTable("no part of a LLaVA model", model.LeftOver.Select(t => (t.Name, t))));
        WriteList(terminal, "cannot be read", model.Unreadable);
        WriteList(terminal, "missing", model.Missing.Select(t => t.FullName));
        WriteList(terminal, "problem", model.Problems);

        void AddFact(string name, string value) => facts.AddPlainRow(name, value);
    }

    /// <summary>One line for the like tensors of all layers.</summary>
    private static Table TensorTable(string title, IEnumerable<(string Name, StoredTensor Stored)> tensors)
    {
        var table = new Table().AddColumn(title).AddColumn("count").AddColumn("shape").AddColumn("type").AddColumn("size");
        table.Columns[1].RightAligned();
        table.Columns[4].RightAligned();
        foreach (var group in tensors.GroupBy(t => (Pattern: PatternOf(t.Name), Shape: string.Join(", ", t.Stored.Shape), t.Stored.Type)))
        {
            table.AddPlainRow(
                group.Key.Pattern,
                Number(group.Count()),
                $"[{group.Key.Shape}]",
                group.Key.Type.ToString(),
                Sizes.Format(group.Sum(t => t.Stored.ByteLength)));
        }
        return table;
    }

    private static void WriteList(Terminal terminal, string title, IEnumerable<string> lines)
    {
        var table = new Table().AddColumn(title);
        foreach (IGrouping<string, string> group in lines.GroupBy(PatternOf))
            table.AddPlainRow(group.Count() == 1 ? group.Single() : $"{group.Key} ({group.Count()} times)");
        if (table.Rows.Count > 0)
            terminal.Write(table);
    }

    /// <summary>A tensor's name with * for its layer.</summary>
    private static string PatternOf(string name) =>
        string.Join('.', name.Split('.').Select(part => part.Length > 0 && part.All(char.IsAsciiDigit) ? "*" : part));

    private static JsonObject ToJson(SourceModel model)
    {
        StoredTensor[] stored = [.. model.AllStored];
        return new JsonObject
        {
            ["checkpoint"] = model.Path,
            ["layout"] = model.Layout,
            ["is_whole"] = IsWhole(model),
            ["bytes"] = stored.Sum(t => t.ByteLength),
            ["weights"] = stored.Sum(t => t.ElementCount),
            ["types"] = new JsonObject(stored.GroupBy(t => t.Type).Select(type => KeyValuePair.Create(
                type.Key.ToString(),
                (JsonNode?)new JsonObject { ["tensors"] = type.Count(), ["bytes"] = type.Sum(t => t.ByteLength) }))),
            ["language_model"] = model.Text is { } text ? TextJson(text) : null,
            ["vision_tower"] = model.Vision is { } vision ? VisionJson(vision) : null,
            ["vocabulary"] = model.Vocabulary is { } vocabulary ? VocabularyJson(vocabulary, model.LegacyTokenizer) : null,
            ["tensors"] = new JsonArray([.. model.Tensors.Values.Select(t => TensorJson(t.Tensor.FullName, t.Stored))]),
            ["left_over"] = new JsonArray([.. model.LeftOver.Select(t => TensorJson(t.Name, t))]),
            ["unreadable"] = new JsonArray([.. model.Unreadable.Select(name => (JsonNode)name)]),
            ["missing"] = new JsonArray([.. model.Missing.Select(t => (JsonNode)t.FullName)]),
            ["problems"] = new JsonArray([.. model.Problems.Select(problem => (JsonNode)problem)]),
        };
    }

    private static JsonObject TextJson(TextConfig text) => new()
    {
        ["layers"] = text.Layers,
        ["hidden_size"] = text.HiddenSize,
        ["intermediate_size"] = text.IntermediateSize,
        ["heads"] = text.Heads,
        ["kv_heads"] = text.KvHeads,
        ["head_dim"] = text.HeadDim,
        ["norm_epsilon"] = text.NormEpsilon,
        ["rope_theta"] = text.RopeTheta,
        ["max_positions"] = text.MaxPositions,
        ["vocabulary_size"] = text.VocabularySize,
        ["tied_head"] = text.TiedHead,
    };

    private static JsonObject VisionJson(VisionConfig vision) => new()
    {
        ["layers"] = vision.Layers,
        ["feature_layers"] = vision.FeatureLayers,
        ["hidden_size"] = vision.HiddenSize,
        ["intermediate_size"] = vision.IntermediateSize,
        ["heads"] = vision.Heads,
        ["image_size"] = vision.ImageSize,
        ["patch_size"] = vision.PatchSize,
        ["norm_epsilon"] = vision.NormEpsilon,
        ["quick_gelu"] = vision.QuickGelu,
        ["mean"] = new JsonArray([.. vision.Mean.Select(value => (JsonNode)value)]),
        ["std"] = new JsonArray([.. vision.Std.Select(value => (JsonNode)value)]),
    };

    private static JsonObject VocabularyJson(Vocabulary vocabulary, bool? legacy) => new()
    {
        ["pieces"] = vocabulary.Pieces.Count,
        ["byte_fallback"] = vocabulary.Types.Contains(PieceType.Byte),
        ["bos_id"] = vocabulary.BosId,
        ["eos_id"] = vocabulary.EosId,
        ["unk_id"] = vocabulary.UnkId,
        ["legacy"] = legacy,
    };

    private static JsonObject TensorJson(string name, StoredTensor stored) => new JsonObject
    {
        ["name"] = name,
        ["stored_name"] = stored.Name,
        ["file"] = Path.GetFileName(stored.File),
        ["shape"] = new JsonArray([.. stored.Shape.Select(dimension => (JsonNode)dimension)]),
        ["type"] = stored.Type.ToString(),
        ["bytes"] = stored.ByteLength,
    };

    private static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);

    private static string Count(long value) => value switch
    {
        >= 1_000_000_000 => $"{Number(Math.Round(value / 1e9, 2))} billion",
        >= 1_000_000 => $"{Number(Math.Round(value / 1e6, 2))} million",
        _ => Number(value),
    };
}

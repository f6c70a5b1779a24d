using System.CommandLine;
using System.Text.Json.Nodes;
using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Quantization;
using ChainOfSpot.Models;
using ChainOfSpot.WeightsTools.Models;
using ChainOfSpot.WeightsTools.Output;

namespace ChainOfSpot.WeightsTools.Commands;

/// <summary><c>cos-weights convert</c>: any layout and format to a Hugging Face checkpoint.</summary>
internal sealed class ConvertCommand : Command
{
    /// <summary>What its help ends with.</summary>
    public const string Examples = """
        Examples:
          cos-weights convert llava-v1.5-7b -o llava-hf                            original .bin shards to safetensors
          cos-weights convert llava-v1.5-7b --tower clip-large-336 -o llava-hf     its tower lies elsewhere
          cos-weights convert ggml-model-q4_k.gguf -o llava-hf                     GGUF, with the mmproj file beside it
          cos-weights convert llava-hf --type bf16 -o llava-bf16                   another type
          cos-weights convert llava-hf --shard-size 2GB -o llava-small-files

        Without --type floats keep theirs, bit for bit, and block formats become f16. An original vocabulary gets rows for
        <image> and <pad>, as llava-hf's checkpoints have them.
        """;

    private const long LargestCopiedFile = 64_000_000;
    private const float LargestHalf = 65504;

    private static readonly string[] CopiedExtensions = [".json", ".model", ".jinja", ".txt"];

    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string> _output = CommonOptions.OutputFolder();
    private readonly Option<string?> _tower = CommonOptions.Tower();
    private readonly Option<string?> _projector = CommonOptions.Projector();
    private readonly Option<string> _shardSize = CommonOptions.ShardSize();

    private readonly Option<string?> _type = new("--type")
    {
        Description = "How the weights are stored.",
        HelpName = "f16|bf16|f32",
    };

    private readonly Terminal _terminal;

    public ConvertCommand(Terminal terminal)
        : base("convert", "Turns a checkpoint of any layout and format into a Hugging Face one (safetensors, in shards).")
    {
        _terminal = terminal;
        Add(_model);
        Add(_output);
        Add(_type);
        Add(_shardSize);
        Add(_tower);
        Add(_projector);
        SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), cancellation));
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        ElementType? wanted = parsed.GetValue(_type) is { } name ? CommonOptions.ParseFloatType(name) : null;
        long shardBytes = CommonOptions.ParseShardSize(parsed.GetValue(_shardSize)!);
        using SourceModel source = SourceModel.Open(parsed.GetValue(_model)!, parsed.GetValue(_tower), parsed.GetValue(_projector));
        LlavaConfig config = source.RequireWhole();
        Vocabulary vocabulary = source.RequireVocabulary().Trimmed();
        if (!source.IsHuggingFace && config.Text.VocabularySize < vocabulary.Pieces.Count + Vocabulary.AddedTokens)
            config = config with { Text = config.Text with { VocabularySize = Vocabulary.PaddedRows(vocabulary.Pieces.Count) } };

        OutputTensor[] tensors =
        [
            .. LlavaLayout.Of(config)
                .Where(tensor => source.Tensors.ContainsKey(tensor.FullName))
                .Select(tensor => Convert(tensor, source.Tensors[tensor.FullName], wanted)),
        ];
        ElementType main = tensors.GroupBy(tensor => tensor.Type).MaxBy(group => group.Sum(tensor => tensor.ByteLength))!.Key;
        IReadOnlyDictionary<string, byte[]> files = source.IsHuggingFace
            ? CopyFiles(source.Path, main)
            : HuggingFaceFiles.Create(config, vocabulary, main, source.LegacyTokenizer);
        HuggingFaceFolder.Write(_terminal, parsed.GetValue(_output)!, tensors, files, shardBytes, cancellation);
        int leftOut = source.LeftOver.Count + source.Unreadable.Count;
        if (leftOut > 0)
            _terminal.Error.WriteLine($"Left out: {leftOut} tensors that are no part of a LLaVA model.");
        return 0;
    }

    private static unsafe OutputTensor Convert(LlavaTensor tensor, SourceTensor source, ElementType? wanted)
    {
        ElementType type = wanted ?? (source.Type.IsQuantized() ? ElementType.F16 : source.Type);
        int columns = tensor.Columns;
        float[]? added = tensor.Rows > source.Tensor.Rows ? MeanRow(source) : null;
        return new OutputTensor(tensor.FullName, type, tensor.Shape, (row, destination) =>
        {
            if (row < source.Tensor.Rows && type == source.Type)
            {
                Buffer.MemoryCopy(source.Row(row), destination, source.RowBytes, source.RowBytes);
                return;
            }
            float[] weights = System.Buffers.ArrayPool<float>.Shared.Rent(columns);
            fixed (float* values = weights)
            {
                if (row < source.Tensor.Rows)
                    source.ReadRow(row, values);
                else
                    added.CopyTo(weights.AsSpan());
                if (type == ElementType.F16)
                    RequireHalf(tensor, weights.AsSpan(0, columns));
                Quantize.Row(type, values, columns, destination);
            }
            System.Buffers.ArrayPool<float>.Shared.Return(weights);
        });
    }

    private static void RequireHalf(LlavaTensor tensor, ReadOnlySpan<float> weights)
    {
        foreach (float weight in weights)
        {
            if (MathF.Abs(weight) > LargestHalf && float.IsFinite(weight))
                throw new CommandException($"{tensor.FullName} holds {weight}, which f16 cannot; --type bf16 or f32 can.");
        }
    }

    /// <summary>What stands in the rows of added tokens: the mean row, whose logit never is the largest.</summary>
    private static unsafe float[] MeanRow(SourceTensor source)
    {
        int columns = source.Tensor.Columns;
        var sums = new double[columns];
        var weights = new float[columns];
        for (long row = 0; row < source.Tensor.Rows; row++)
        {
            fixed (float* values = weights)
                source.ReadRow(row, values);
            for (int i = 0; i < columns; i++)
                sums[i] += weights[i];
        }
        return [.. sums.Select(sum => (float)(sum / source.Tensor.Rows))];
    }

    /// <summary>The files beside the weights, as they are, but for the type that the configuration names.</summary>
    private static Dictionary<string, byte[]> CopyFiles(string folder, ElementType type)
    {
        Dictionary<string, byte[]> files = [];
        foreach (string path in Directory.GetFiles(folder).Where(file =>
            CopiedExtensions.Contains(Path.GetExtension(file))
            && !file.EndsWith(".index.json", StringComparison.Ordinal)
            && new FileInfo(file).Length <= LargestCopiedFile))
        {
            files.Add(Path.GetFileName(path), File.ReadAllBytes(path));
        }
        JsonNode config = JsonNode.Parse(files["config.json"])!;
        foreach (JsonNode? part in (JsonNode?[])[config, config["text_config"], config["vision_config"]])
        {
            foreach (string key in (string[])["torch_dtype", "dtype"])
            {
                if (part?[key] is not null)
                    part[key] = HuggingFaceFiles.TorchType(type);
            }
        }
        files["config.json"] = System.Text.Encoding.UTF8.GetBytes(JsonText.Of(config));
        return files;
    }
}

using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ChainOfSpot.Kernels;
using ChainOfSpot.Models;
using ChainOfSpot.WeightsTools.Models;
using ChainOfSpot.WeightsTools.Output;
using Spectre.Console;

namespace ChainOfSpot.WeightsTools.Commands;

/// <summary><c>cos-weights quantize</c>: a checkpoint to GGUF files, with the error of every tensor.</summary>
internal sealed class QuantizeCommand : Command
{
    /// <summary>What its help ends with.</summary>
    public const string Examples = """
        Examples:
          cos-weights quantize llava-hf --type q4_k_m -o llava-gguf         the usual choice: 4.8 bits a weight
          cos-weights quantize llava-hf --type q8_0 -o llava-gguf           nearly exact, 8.5 bits a weight
          cos-weights quantize llava-v1.5-7b --type f16 -o llava-gguf       GGUF without quantisation
          cos-weights quantize model-f16.gguf --type q5_k_m -o llava-gguf   from GGUF
          cos-weights quantize llava-hf --type q4_0 --text-only -o out      without tower and projector

        Types, largest first: f32, f16, bf16, q8_0, q6_k, q5_1, q5_0, q5_k_m, q5_k_s, q4_1, q4_0, q4_k_m, q4_k_s, q3_k_l, q3_k_m,
        q3_k_s, q2_k. Tower and projector are stored as f16, in an mmproj file of their own. For every tensor the root mean square
        error is printed beside that of plain rounding, which the search of the k types is never above.
        """;

    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string> _output = CommonOptions.OutputFolder();
    private readonly Option<string?> _tower = CommonOptions.Tower();
    private readonly Option<string?> _projector = CommonOptions.Projector();
    private readonly Option<bool> _json = CommonOptions.Json();

    private readonly Option<string> _type = new("--type")
    {
        Description = "How the language model's weights are stored; see below.",
        HelpName = "TYPE",
        Required = true,
    };

    private readonly Option<bool> _textOnly = new("--text-only")
    {
        Description = "Writes no mmproj file.",
    };

    private readonly Terminal _terminal;

    public QuantizeCommand(Terminal terminal)
        : base("quantize", "Turns a checkpoint of any layout and format into GGUF files with quantised weights.")
    {
        _terminal = terminal;
        Add(_model);
        Add(_output);
        Add(_type);
        Add(_textOnly);
        Add(_tower);
        Add(_projector);
        Add(_json);
        SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), cancellation));
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        QuantizationMix mix = QuantizationMix.Of(parsed.GetValue(_type)!);
        using SourceModel source = SourceModel.Open(parsed.GetValue(_model)!, parsed.GetValue(_tower), parsed.GetValue(_projector));
        TextConfig text = source.RequireLanguageModel();
        VisionConfig? vision = parsed.GetValue(_textOnly) ? null : source.Vision;
        Vocabulary vocabulary = source.RequireVocabulary();
        if (vocabulary.Pieces.Count > text.VocabularySize)
        {
            throw new CommandException(
                $"{source.Path} has {vocabulary.Pieces.Count} pieces in its vocabulary, but {text.VocabularySize} rows in its embedding.");
        }
        List<QuantizedTensor> quantized = [];
        GgufFolder.Write(
            _terminal,
            parsed.GetValue(_output)!,
            text,
            vision,
            vocabulary.PaddedTo(text.VocabularySize),
            mix,
            (tensor, name, type) =>
            {
                var one = new QuantizedTensor(source.Tensors[tensor.FullName], name, type);
                quantized.Add(one);
                return one.Output;
            },
            cancellation);

        QuantizedTensor[] changed = [.. quantized.Where(tensor => tensor.Type.IsQuantized())];
        if (parsed.GetValue(_json))
            _terminal.Out.WriteLine(JsonText.Of(new JsonArray([.. changed.Select(ToJson)])));
        else if (changed.Length > 0)
            WriteTable(changed);
        if (source.Tensors.Values.Any(tensor => tensor.Type.IsQuantized()))
            _terminal.Error.WriteLine($"{source.Path} was quantised before: errors add up. Start from floats where you can.");
        return 0;
    }

    private void WriteTable(QuantizedTensor[] tensors)
    {
        var table = new Table()
            .AddColumn("tensor").AddColumn("type").AddColumn("RMSE").AddColumn("plain rounding").AddColumn("ratio").AddColumn("RMSE / RMS");
        foreach (QuantizedTensor tensor in tensors)
        {
            table.AddPlainRow(
                tensor.Name,
                tensor.Type.ToString(),
                Number(tensor.Rmse),
                Number(tensor.PlainRmse),
                Number(tensor.PlainRmse == 0 ? 1 : tensor.Rmse / tensor.PlainRmse),
                tensor.Rms == 0 ? "" : (tensor.Rmse / tensor.Rms).ToString("P2", CultureInfo.InvariantCulture));
        }
        _terminal.Write(table);
    }

    private static JsonObject ToJson(QuantizedTensor tensor) => new()
    {
        ["name"] = tensor.Name,
        ["type"] = tensor.Type.ToString(),
        ["rmse"] = tensor.Rmse,
        ["plain_rmse"] = tensor.PlainRmse,
        ["rms"] = tensor.Rms,
    };

    private static string Number(double value) => value.ToString("G4", CultureInfo.InvariantCulture);
}

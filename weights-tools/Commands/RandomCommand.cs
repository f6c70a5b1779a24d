using System.CommandLine;
using ChainOfSpot.Kernels;
using ChainOfSpot.Models;
using ChainOfSpot.WeightsTools.Models;
using ChainOfSpot.WeightsTools.Output;

namespace ChainOfSpot.WeightsTools.Commands;

/// <summary><c>cos-weights random</c>: a LLaVA checkpoint of any shape with random weights.</summary>
internal sealed class RandomCommand : Command
{
    /// <summary>What its help ends with.</summary>
    public const string Examples = """
        Examples:
          cos-weights random --shape llava-1.5-7b -o llava-7b               13.5 GB as fp16, to measure speed with
          cos-weights random --shape llava-1.5-13b --type bf16 -o llava-13b
          cos-weights random --shape tiny --type f32 --seed 7 -o tiny       3 million weights, to test with
          cos-weights random --shape tiny --layers 8 --kv-heads 2 -o gqa    a shape of your own
          cos-weights random --shape llava-1.5-7b --format gguf --quant q4_k_m -o llava-7b-gguf

        The same seed gives the same float weights in every format. Block formats other than by "quantize" draw from a pool of
        blocks: good to measure speed with, but no quantisation of those weights.
        """;

    private const string HuggingFaceFormat = "hf";
    private const string GgufFormat = "gguf";

    private readonly Option<string> _output = CommonOptions.OutputFolder();

    private readonly Option<string> _shape = new("--shape")
    {
        Description = "The shape that all sizes are taken from which no option below names.",
        HelpName = string.Join('|', ModelShapes.Names),
        DefaultValueFactory = _ => "tiny",
    };

    private readonly Option<string> _format = new("--format")
    {
        Description = "A Hugging Face folder, or a GGUF language model with its mmproj file.",
        HelpName = $"{HuggingFaceFormat}|{GgufFormat}",
        DefaultValueFactory = _ => HuggingFaceFormat,
    };

    private readonly Option<string> _type = new("--type")
    {
        Description = "How a Hugging Face checkpoint stores its weights.",
        HelpName = "f16|bf16|f32",
        DefaultValueFactory = _ => "f16",
    };

    private readonly Option<string> _quant = new("--quant")
    {
        Description = "How a GGUF language model stores its weights.",
        HelpName = "q4_k_m|q8_0|f16|…",
        DefaultValueFactory = _ => "q4_k_m",
    };

    private readonly Option<long> _seed = new("--seed")
    {
        Description = "Another seed gives other weights.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<string> _shardSize = CommonOptions.ShardSize();

    private readonly Option<int?> _hidden = CommonOptions.Count("--hidden", "Width of the language model.");
    private readonly Option<int?> _intermediate = CommonOptions.Count("--intermediate", "Width inside of its feed-forward networks.");
    private readonly Option<int?> _layers = CommonOptions.Count("--layers", "Its layers.");
    private readonly Option<int?> _heads = CommonOptions.Count("--heads", "Its query heads.");
    private readonly Option<int?> _kvHeads = CommonOptions.Count("--kv-heads", "Its key-value heads, a divisor of the query heads.");
    private readonly Option<int?> _vocabulary = CommonOptions.Count(
        "--vocabulary", "Pieces of the vocabulary; the embedding has up to 65 rows more.");
    private readonly Option<int?> _context = CommonOptions.Count("--context", "Positions of its context.");
    private readonly Option<int?> _visionHidden = CommonOptions.Count("--vision-hidden", "Width of the vision tower.");
    private readonly Option<int?> _visionIntermediate = CommonOptions.Count(
        "--vision-intermediate", "Width inside of its feed-forward networks.");
    private readonly Option<int?> _visionLayers = CommonOptions.Count("--vision-layers", "Its layers, the unused last one included.");
    private readonly Option<int?> _visionHeads = CommonOptions.Count("--vision-heads", "Its heads.");
    private readonly Option<int?> _imageSize = CommonOptions.Count("--image-size", "Side of its picture in pixels.");
    private readonly Option<int?> _patchSize = CommonOptions.Count("--patch-size", "Side of a patch in pixels.");

    private readonly Terminal _terminal;

    public RandomCommand(Terminal terminal)
        : base(
            "random",
            "Makes a LLaVA checkpoint of any shape with random weights, as a stream: 13B needs no more memory than a tiny model.")
    {
        _terminal = terminal;
        Add(_output);
        Add(_shape);
        Add(_format);
        Add(_type);
        Add(_quant);
        Add(_seed);
        Add(_shardSize);
        foreach (Option<int?> size in (Option<int?>[])
            [_hidden, _intermediate, _layers, _heads, _kvHeads, _vocabulary, _context,
             _visionHidden, _visionIntermediate, _visionLayers, _visionHeads, _imageSize, _patchSize])
        {
            Add(size);
        }
        SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), cancellation));
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        LlavaConfig shape = ReadShape(parsed);
        var seed = (ulong)parsed.GetValue(_seed);
        string output = parsed.GetValue(_output)!;
        Vocabulary vocabulary = SyntheticVocabulary.Create(shape.Text.VocabularySize);
        LlavaConfig padded = shape with { Text = shape.Text with { VocabularySize = Vocabulary.PaddedRows(vocabulary.Pieces.Count) } };
        switch (parsed.GetValue(_format))
        {
            case HuggingFaceFormat:
                ElementType type = CommonOptions.ParseFloatType(parsed.GetValue(_type)!);
                OutputTensor[] tensors =
                [
                    .. LlavaLayout.Of(padded)
                        .Select(tensor => RandomWeights.Create(tensor, padded, tensor.FullName, type, seed, row => row)),
                ];
                HuggingFaceFolder.Write(
                    _terminal,
                    output,
                    tensors,
                    HuggingFaceFiles.Create(padded, vocabulary, type, legacy: false),
                    CommonOptions.ParseShardSize(parsed.GetValue(_shardSize)!),
                    cancellation);
                break;
            case GgufFormat:
                QuantizationMix mix = QuantizationMix.Of(parsed.GetValue(_quant)!);
                GgufFolder.Write(
                    _terminal,
                    output,
                    padded.Text,
                    padded.Vision,
                    vocabulary.PaddedTo(padded.Text.VocabularySize),
                    mix,
                    (tensor, name, storedType) => RandomWeights.Create(tensor, padded, name, storedType, seed, tensor.HuggingFaceRow),
                    cancellation);
                break;
            case var other:
                throw new CommandException(
                    $"there is no format '{other}'; {HuggingFaceFormat} or {GgufFormat} was expected.", isUsage: true);
        }
        return 0;
    }

    private LlavaConfig ReadShape(ParseResult parsed)
    {
        LlavaConfig shape = ModelShapes.Of(parsed.GetValue(_shape)!);
        TextConfig text = shape.Text;
        VisionConfig vision = shape.Vision;
        int heads = parsed.GetValue(_heads) ?? text.Heads;
        int hidden = parsed.GetValue(_hidden) ?? text.HiddenSize;
        int visionLayers = parsed.GetValue(_visionLayers) ?? vision.Layers;
        shape = new LlavaConfig
        {
            Text = text with
            {
                HiddenSize = hidden,
                IntermediateSize = parsed.GetValue(_intermediate) ?? text.IntermediateSize,
                Layers = parsed.GetValue(_layers) ?? text.Layers,
                Heads = heads,
                KvHeads = parsed.GetValue(_kvHeads) ?? heads,
                HeadDim = hidden / heads,
                VocabularySize = parsed.GetValue(_vocabulary) ?? text.VocabularySize,
                MaxPositions = parsed.GetValue(_context) ?? text.MaxPositions,
            },
            Vision = vision with
            {
                HiddenSize = parsed.GetValue(_visionHidden) ?? vision.HiddenSize,
                IntermediateSize = parsed.GetValue(_visionIntermediate) ?? vision.IntermediateSize,
                Layers = visionLayers,
                FeatureLayers = visionLayers - 1,
                Heads = parsed.GetValue(_visionHeads) ?? vision.Heads,
                ImageSize = parsed.GetValue(_imageSize) ?? vision.ImageSize,
                PatchSize = parsed.GetValue(_patchSize) ?? vision.PatchSize,
            },
        };
        Require(shape.Text.HiddenSize % (2 * heads) == 0, _hidden, "an even multiple of --heads");
        Require(heads % shape.Text.KvHeads == 0, _kvHeads, "a divisor of --heads");
        int fewest = SyntheticVocabulary.SmallestCount;
        Require(shape.Text.VocabularySize >= fewest, _vocabulary, $"at least {fewest}");
        Require(visionLayers >= 2, _visionLayers, "at least 2");
        Require(shape.Vision.HiddenSize % shape.Vision.Heads == 0, _visionHidden, "a multiple of --vision-heads");
        Require(shape.Vision.ImageSize % shape.Vision.PatchSize == 0, _imageSize, "a multiple of --patch-size");
        return shape;

        static void Require(bool holds, Option option, string expected)
        {
            if (!holds)
                throw new CommandException($"{option.Name}: {expected} was expected.", isUsage: true);
        }
    }
}

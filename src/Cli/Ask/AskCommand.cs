using System.CommandLine;
using System.CommandLine.Parsing;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Regions;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Text;

namespace ChainOfSpot.Cli.Ask;

/// <summary><c>cos ask</c>: one question about one picture.</summary>
internal sealed class AskCommand : Command
{
    /// <summary>What its help ends with.</summary>
    public const string Examples = """
        Examples:
          cos ask shapes.png "What number is on the red circle?"                 the model that comes with the tool
          cos ask photo.jpg "What is on the sign?" --model llava-1.5-7b          a checkpoint of your own
          cos ask photo.jpg "What is on the sign?" --model llava.gguf --mmproj mmproj.gguf
          cos ask photo.jpg "What is on the sign?" --overlay seen.png            shows where it looked
          cos ask photo.jpg "Who wins?" --region "[0.1, 0.2, 0.5, 0.6]"          look there instead
          cos ask photo.jpg "Who wins?" --direct                                 without looking twice, to compare
          cos ask photo.jpg "Who wins?" --device opencl:1                        on the second OpenCL device
          curl -s https://example.org/a.jpg | cos ask - "What is this?" --json   picture from standard input
          cos ask photo.jpg - < question.txt                                     question from standard input
        """;

    private static readonly Dictionary<string, AfterEosRule> AfterEosRules = new()
    {
        ["prefix"] = AfterEosRule.PrefixKept,
        ["stripped"] = AfterEosRule.PrefixStripped,
        ["bare"] = AfterEosRule.NoPrefix,
    };

    private readonly Argument<string> _picture = new("picture")
    {
        Description = "A JPEG, PNG, WebP, GIF or BMP file, or - for standard input.",
    };

    private readonly Argument<string> _question = new("question")
    {
        Description = "The question, in quotes, or - for standard input.",
    };

    private readonly ModelOptions _shared = new();

    private readonly Option<string?> _tower = new("--tower")
    {
        Description = "Folder of the CLIP vision tower, where it lies neither in the checkpoint nor beside it.",
        HelpName = "DIR",
    };

    private readonly Option<string?> _overlay = new("--overlay", "-o")
    {
        Description = "Writes the picture with the region and the answer drawn on it.",
        HelpName = "PNG",
    };

    private readonly Option<string?> _crop = new("--crop")
    {
        Description = "Writes what the second pass saw: the region, squared and resized to the model's input.",
        HelpName = "PNG",
    };

    private readonly Option<bool> _json = new(CosCommand.JsonOption)
    {
        Description = "Prints one JSON object with everything, errors too.",
    };

    private readonly Option<string?> _region = new("--region")
    {
        Description = "Looks there instead of where the model would: fractions of the padded square's side.",
        HelpName = "\"[left, top, right, bottom]\"",
    };

    private readonly Option<bool> _freeRegion = new("--free-region")
    {
        Description = "Lets the model say anything where it is asked where to look, as the official code does; by default it can only name a region.",
    };

    private readonly Option<bool> _direct = new("--direct")
    {
        Description = "One plain pass over the whole picture, without looking twice.",
    };

    private readonly Option<bool> _ignoreEos = new("--ignore-eos")
    {
        Description = "Decodes all of --max-tokens, through end tokens.",
    };

    private readonly Option<int> _topLogits = new("--top-logits")
    {
        Description = "Reports the K largest logits behind the prompt of each pass.",
        HelpName = "K",
    };

    private readonly Option<bool> _noReuse = new("--no-reuse")
    {
        Description = "Computes the second pass from scratch, as without a cache. The answer is the same.",
    };

    private readonly Option<int> _vectorBits = new("--vector-bits")
    {
        Description = "Bits of the vector registers used, 512, 256 or 128; 0 for the widest of this CPU.",
        HelpName = "N",
    };

    private readonly Option<int> _cachePositions = new("--cache-positions")
    {
        Description = "Positions that the key-value cache has memory for; 0 for two of the model's contexts.",
        HelpName = "N",
    };

    private readonly Option<bool> _askWhere = new("--ask-where")
    {
        Description = "Asks \"where\" the region is, as in the method's training, instead of \"what\" it is, as in its evaluation.",
    };

    private readonly Option<AfterEosRule?> _afterEos = new("--after-eos")
    {
        CustomParser = Rule,
        Description = "How the tokenizer reads text behind an end mark. Default: what the checkpoint's \"legacy\" flag stands for.",
        HelpName = "prefix|stripped|bare",
    };

    private readonly Option<string> _suffix = new("--suffix")
    {
        Description = @"Follows the quoted question in the second pass only, as MMBench and ScienceQA are asked; \n is a line break.",
        HelpName = "TEXT",
        DefaultValueFactory = _ => "",
    };

    private readonly Option<bool> _noExif = new("--no-exif")
    {
        Description = "Reads the pixels as they are stored, without turning the picture upright by its EXIF data.",
    };

    public AskCommand(Terminal terminal)
        : base("ask", "Answers a question about a picture and says where it looked.")
    {
        Add(_picture);
        Add(_question);
        AddAll(
            _shared.Model, _shared.Mmproj, _tower, _overlay, _crop, _json, _region, _freeRegion, _direct, _suffix, _askWhere, _afterEos,
            _shared.MaxTokens, _ignoreEos, _topLogits, _noReuse, _noExif, _shared.Device, _shared.Threads, _vectorBits, _cachePositions,
            _shared.KvCache, _shared.Arithmetic);

        ModelOptions.RequireRange(_topLogits, 0);
        ModelOptions.RequireRange(_cachePositions, 0);
        ModelOptions.Require(
            _vectorBits,
            bits => bits is (0 or 128 or 256 or 512) && bits <= CpuDevice.WidestVectorBits,
            $"512, 256 or 128, at most the {CpuDevice.WidestVectorBits} of this CPU");
        _region.Validators.Add(CheckRegion);
        Validators.Add(CheckTogether);
        SetAction((parsed, cancellation) => AskRun.RunAsync(Read(parsed), terminal, cancellation));
    }

    private void AddAll(params ReadOnlySpan<Option> options)
    {
        foreach (Option option in options)
            Add(option);
    }

    private static AfterEosRule? Rule(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (AfterEosRules.TryGetValue(text, out AfterEosRule rule))
            return rule;
        result.AddError($"--after-eos is \"{text}\"; expected {string.Join(" or ", AfterEosRules.Keys)}.");
        return null;
    }

    private static void CheckRegion(OptionResult result)
    {
        string text = result.GetValueOrDefault<string>() ?? "";
        if (!Region.TryParse(text, out _, out RegionProblem problem))
            result.AddError($"--region \"{text}\": {RegionNotes.Of(problem)}; expected four numbers like \"[0.1, 0.25, 0.6, 0.75]\".");
    }

    /// <summary>Refuses what would be left out without a word.</summary>
    private void CheckTogether(CommandResult result)
    {
        if (result.GetResult(_picture) is null || result.GetResult(_question) is null)
            return;
        string? question = result.GetValue(_question);
        if (result.GetValue(_picture) == AskRequest.StandardInput && question == AskRequest.StandardInput)
            result.AddError("Picture and question are both -; standard input can be one of them only.");
        else if (string.IsNullOrWhiteSpace(question))
            result.AddError("The question is empty.");
        if (!result.GetValue(_direct))
            return;
        foreach (Option option in (ReadOnlySpan<Option>)[_region, _freeRegion, _crop, _suffix, _askWhere])
        {
            if (result.GetResult(option) is { Implicit: false })
                result.AddError($"{option.Name} is about looking twice; --direct looks once.");
        }
    }

    private AskRequest Read(ParseResult parsed) => new()
    {
        Picture = parsed.GetRequiredValue(_picture),
        Question = parsed.GetRequiredValue(_question),
        Model = parsed.GetValue(_shared.Model),
        Engine = _shared.EngineIn(parsed) with
        {
            VectorBits = parsed.GetValue(_vectorBits),
            CachePositions = parsed.GetValue(_cachePositions),
            VisionTower = parsed.GetValue(_tower),
            RegionWord = parsed.GetValue(_askWhere) ? RegionQuestionWord.Where : RegionQuestionWord.What,
            AfterEosRule = parsed.GetValue(_afterEos),
        },
        Ask = new AskOptions
        {
            Direct = parsed.GetValue(_direct),
            RegionText = parsed.GetValue(_region),
            FreeRegion = parsed.GetValue(_freeRegion),
            AnswerSuffix = parsed.GetRequiredValue(_suffix).Replace(@"\n", "\n", StringComparison.Ordinal),
            MaxNewTokens = parsed.GetValue(_shared.MaxTokens),
            IgnoreEndToken = parsed.GetValue(_ignoreEos),
            TopLogits = parsed.GetValue(_topLogits),
            Reuse = !parsed.GetValue(_noReuse),
        },
        ApplyExifOrientation = !parsed.GetValue(_noExif),
        OverlayPath = parsed.GetValue(_overlay),
        CropPath = parsed.GetValue(_crop),
        AsJson = parsed.GetValue(_json),
    };
}

using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.WeightsTools.Models;
using ChainOfSpot.WeightsTools.Output;
using Spectre.Console;

namespace ChainOfSpot.WeightsTools.Commands;

/// <summary><c>cos-weights verify</c>: reads all weights of a checkpoint, and compares them with those of another.</summary>
internal sealed class VerifyCommand : Command
{
    /// <summary>What its help ends with.</summary>
    public const string Examples = """
        Examples:
          cos-weights verify llava-1.5-7b-hf                                 every weight is finite; SHA-256 of every file
          cos-weights verify llava-hf --against llava-v1.5-7b                the same weights in two layouts?
          cos-weights verify llava-gguf --against llava-hf                   what quantisation has moved
          cos-weights verify a --against b --tolerance 1e-3                  fails where a weight differs by more

        The exit code is 1 where a weight is infinite or no number, where the second checkpoint lacks a tensor of the first, and
        where a weight differs by more than --tolerance.
        """;

    private const int HashBytes = 4 << 20;

    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string?> _tower = CommonOptions.Tower();
    private readonly Option<string?> _projector = CommonOptions.Projector();
    private readonly Option<bool> _json = CommonOptions.Json();

    private readonly Option<string?> _against = new("--against")
    {
        Description = "A second checkpoint, of any layout and format, that holds the same model.",
        HelpName = "MODEL",
    };

    private readonly Option<double?> _tolerance = new("--tolerance")
    {
        Description = "The most that a weight may differ by from that of --against. Without it differences are shown only.",
        HelpName = "X",
    };

    private readonly Terminal _terminal;

    public VerifyCommand(Terminal terminal)
        : base("verify", "Reads every weight: hashes the files, looks for weights that are not finite, compares with a second checkpoint.")
    {
        _terminal = terminal;
        Add(_model);
        Add(_against);
        Add(_tolerance);
        Add(_tower);
        Add(_projector);
        Add(_json);
        Validators.Add(result =>
        {
            if (result.GetResult(_tolerance) is not null && (result.GetResult(_against) is null || result.GetValue(_tolerance) is not >= 0))
                result.AddError($"{_tolerance.Name} has to be 0 at least, and needs {_against.Name}.");
        });
        SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), cancellation));
    }

    private sealed record FileHash(string File, long Bytes, string Sha256);

    private sealed record Compared(SourceTensor Reference, SourceTensor Other, TensorDifference Difference);

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        using SourceModel model = SourceModel.Open(parsed.GetValue(_model)!, parsed.GetValue(_tower), parsed.GetValue(_projector));
        using SourceModel? other = parsed.GetValue(_against) is { } path ? SourceModel.Open(path, parsed.GetValue(_tower)) : null;
        if (other is not null && (model.Tensors.Count == 0 || other.Tensors.Count == 0))
        {
            throw new CommandException(
                $"{(model.Tensors.Count == 0 ? model : other).Path} holds no part of a LLaVA model that could be compared; "
                + "a config.json or GGUF was expected.");
        }
        StoredTensor[] stored = [.. model.AllStored];
        StoredTensor[] weights = [.. stored.Where(TensorScan.IsWeights)];
        SourceTensor[] common = other is null ? [] : [.. model.Tensors.Values.Where(t => other.Tensors.ContainsKey(t.Tensor.FullName))];
        string[] absent = other is null
            ? []
            : [.. model.Tensors.Values.Where(t => t.Tensor.IsUsed).Select(t => t.Tensor.FullName).Except(other.Tensors.Keys)];
        string[] files = [.. stored.Select(t => t.File).Distinct()];
        long total = files.Sum(file => new FileInfo(file).Length) + weights.Concat(common.Select(t => t.Stored)).Sum(t => t.ByteLength);

        List<FileHash> hashes = [];
        List<(StoredTensor Stored, TensorFacts Facts)> facts = [];
        List<Compared> compared = [];
        _terminal.RunWithProgress($"Reading {Path.GetFileName(model.Path)}", total, progress =>
        {
            foreach (string file in files)
                hashes.Add(Hash(file, progress, cancellation));
            foreach (StoredTensor tensor in weights)
            {
                facts.Add((tensor, TensorScan.Facts(tensor, cancellation)));
                progress.Report(tensor.ByteLength);
            }
            foreach (SourceTensor tensor in common)
            {
                SourceTensor second = other!.Tensors[tensor.Tensor.FullName];
                RequireComparable(tensor, second);
                compared.Add(new Compared(tensor, second, TensorScan.Difference(tensor, second, cancellation)));
                progress.Report(tensor.Stored.ByteLength);
            }
        });

        bool isFinite = facts.TrueForAll(f => f.Facts.NotFinite == 0);
        bool isWithin = parsed.GetValue(_tolerance) is not { } tolerance || compared.TrueForAll(c => c.Difference.MaxAbs <= tolerance);
        if (parsed.GetValue(_json))
            _terminal.Out.WriteLine(JsonText.Of(ToJson(model, hashes, facts, compared, absent)));
        else
            WriteTables(other, hashes, facts, compared, absent);
        return isFinite && isWithin && absent.Length == 0 ? 0 : 1;
    }

    private static void RequireComparable(SourceTensor first, SourceTensor second)
    {
        bool fits = first.Tensor.IsVocabulary
            ? first.Tensor.Columns == second.Tensor.Columns
            : first.Tensor.Shape.SequenceEqual(second.Tensor.Shape);
        if (!fits)
        {
            throw new CommandException(
                $"{first.Tensor.FullName} is [{string.Join(", ", first.Tensor.Shape)}] in {first.Stored.File}, but "
                + $"[{string.Join(", ", second.Tensor.Shape)}] in {second.Stored.File}: these are two models.");
        }
    }

    private static FileHash Hash(string file, IProgress<long> progress, CancellationToken cancellation)
    {
        using FileStream stream = new(file, new FileStreamOptions { Options = FileOptions.SequentialScan, BufferSize = 0 });
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[HashBytes];
        for (int read = stream.Read(buffer); read > 0; read = stream.Read(buffer))
        {
            cancellation.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, read);
            progress.Report(read);
        }
        return new FileHash(file, stream.Length, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private void WriteTables(
        SourceModel? other,
        List<FileHash> hashes,
        List<(StoredTensor Stored, TensorFacts Facts)> facts,
        List<Compared> compared,
        string[] absent)
    {
        var files = new Table().AddColumn("file").AddColumn("size").AddColumn("SHA-256");
        foreach (FileHash hash in hashes)
            files.AddPlainRow(Path.GetFileName(hash.File), Sizes.Format(hash.Bytes), hash.Sha256);
        _terminal.Write(files);

        (StoredTensor Stored, TensorFacts Facts)[] bad = [.. facts.Where(f => f.Facts.NotFinite > 0)];
        if (bad.Length > 0)
        {
            var table = new Table().AddColumn("tensor").AddColumn("weights that are not finite");
            foreach ((StoredTensor stored, TensorFacts fact) in bad)
                table.AddPlainRow(stored.Name, $"{fact.NotFinite} of {stored.ElementCount}");
            _terminal.Write(table);
        }
        else if (facts.Count > 0)
        {
            (StoredTensor stored, TensorFacts fact) = facts.MaxBy(f => f.Facts.LargestMagnitude);
            _terminal.Out.WriteLine(
                $"All weights of {facts.Count} tensors are finite; "
                + $"the largest magnitude is {Number(fact.LargestMagnitude)}, in {stored.Name}.");
        }
        if (other is null)
            return;

        Compared[] different = [.. compared.Where(c => c.Difference.MaxAbs > 0).OrderByDescending(c => c.Difference.MaxAbs)];
        if (different.Length > 0)
        {
            var table = new Table()
                .AddColumn("tensor")
                .AddColumn("type")
                .AddColumn(Markup.Escape($"in {other.Path}"))
                .AddColumn("max difference")
                .AddColumn("RMS difference")
                .AddColumn("RMS of weights");
            foreach (Compared c in different)
            {
                table.AddPlainRow(
                    c.Reference.Tensor.FullName,
                    c.Reference.Type.ToString(),
                    c.Other.Type.ToString(),
                    Number(c.Difference.MaxAbs),
                    Number(c.Difference.Rms),
                    Number(c.Difference.ReferenceRms));
            }
            _terminal.Write(table);
        }
        _terminal.Out.WriteLine($"{compared.Count - different.Length} tensors are identical, {different.Length} differ.");
        foreach (Compared c in compared.Where(c => c.Reference.Tensor.Rows != c.Other.Tensor.Rows))
        {
            _terminal.Out.WriteLine(
                $"{c.Reference.Tensor.FullName} has {c.Reference.Tensor.Rows} rows here and {c.Other.Tensor.Rows} there; "
                + $"{c.Difference.Rows} were compared.");
        }
        foreach (string name in absent)
            _terminal.Out.WriteLine($"{name} is missing in {other.Path}.");
    }

    private static JsonObject ToJson(
        SourceModel model,
        List<FileHash> hashes,
        List<(StoredTensor Stored, TensorFacts Facts)> facts,
        List<Compared> compared,
        string[] absent) => new()
        {
            ["checkpoint"] = model.Path,
            ["files"] = new JsonArray([.. hashes.Select(hash => new JsonObject
        {
            ["file"] = Path.GetFileName(hash.File),
            ["bytes"] = hash.Bytes,
            ["sha256"] = hash.Sha256,
        })]),
            ["tensors"] = new JsonArray([.. facts.Select(f => new JsonObject
        {
            ["stored_name"] = f.Stored.Name,
            ["largest_magnitude"] = f.Facts.LargestMagnitude,
            ["not_finite"] = f.Facts.NotFinite,
        })]),
            ["compared"] = new JsonArray([.. compared.Select(c => new JsonObject
        {
            ["name"] = c.Reference.Tensor.FullName,
            // JSON has no infinity: null where a weight that is not finite stands against another one.
            ["max_abs"] = double.IsFinite(c.Difference.MaxAbs) ? c.Difference.MaxAbs : null,
            ["rms"] = double.IsFinite(c.Difference.Rms) ? c.Difference.Rms : null,
            ["rows"] = c.Difference.Rows,
        })]),
            ["missing_in_second"] = new JsonArray([.. absent.Select(name => (JsonNode)name)]),
        };

    private static string Number(double value) => value.ToString("G4", CultureInfo.InvariantCulture);
}

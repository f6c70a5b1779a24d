using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.Text;

namespace ChainOfSpot.WeightsTools.Models;

internal sealed partial class SourceModel
{
    private const string LanguageArchitecture = "llama";
    private const string ProjectorArchitecture = "clip";

    private long _projectorWidth;
    private bool _firstLayerIsUp;

    /// <param name="path">What the user named.</param>
    /// <param name="languageModel">The file that was named, or null where it is to be found in the folder <paramref name="path"/>.</param>
    /// <param name="projector">The file of tower and projector that was named.</param>
    private static SourceModel OpenGguf(string path, string? languageModel, string? projector)
    {
        var model = new SourceModel(path, "GGUF");
        try
        {
            string folder = languageModel is null ? path : System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
            string[] beside = [.. Directory.GetFiles(folder, "*.gguf").Order(StringComparer.Ordinal)];
            GgufFile first = model.Own(GgufFile.Open(languageModel ?? OnlyOne(folder, beside, LanguageArchitecture)));
            if (ArchitectureOf(first) == ProjectorArchitecture)
            {
                model.ReadProjector(first);
                model.TakeGguf([], first);
                return model;
            }
            model.ReadLanguageModel(first);
            string[] projectors = [.. beside.Where(file => ArchitectureOf(file) == ProjectorArchitecture)];
            string? second = projector ?? (projectors is [var only] ? only : null);
            GgufFile? vision = second is null ? null : model.Own(GgufFile.Open(second));
            if (vision is not null)
                model.ReadProjector(vision);
            model.TakeGguf([first], vision);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static string OnlyOne(string folder, string[] files, string architecture)
    {
        string[] found = [.. files.Where(file => ArchitectureOf(file) == architecture)];
        return found switch
        {
            [var file] => file,
            [] when files.Length == 1 => files[0],
            _ => throw new CommandException(
                $"{folder} holds {found.Length} GGUF language models; one was expected, or the name of a file."),
        };
    }

    /// <summary>What a neighbour of the named file is; null where it is damaged, which then is none of our business.</summary>
    private static string? ArchitectureOf(string path)
    {
        try
        {
            using GgufFile file = GgufFile.Open(path);
            return ArchitectureOf(file);
        }
        catch (WeightFileException)
        {
            return null;
        }
    }

    private static string? ArchitectureOf(GgufFile file) => file.Metadata.FindString("general.architecture");

    private void ReadLanguageModel(GgufFile file)
    {
        try
        {
            GgufLlama llama = GgufLlama.Read(file);
            Text = GgufConfig.Of(llama);
            Vocabulary = new Vocabulary(
                llama.Vocabulary.Pieces,
                llama.Vocabulary.Scores,
                [.. llama.Vocabulary.Types.Select(type => (PieceType)type)],
                llama.Vocabulary.BeginId,
                llama.Vocabulary.EndId,
                llama.Vocabulary.UnknownId,
                llama.Vocabulary.AddsSpacePrefix);
        }
        catch (WeightFileException error)
        {
            _problems.Add(error.Message);
        }
    }

    private void ReadProjector(GgufFile file)
    {
        try
        {
            GgufClip clip = GgufClip.Read(file);
            if (Text is not null && clip.TextWidth != Text.HiddenSize)
            {
                _problems.Add($"{file.Path} leads into a language model of width {clip.TextWidth}; {Path} has {Text.HiddenSize}");
                return;
            }
            _projectorWidth = clip.TextWidth;
            _firstLayerIsUp = clip.Blocks[0].FeedForward1.Weight.Name.Contains("ffn_up", StringComparison.Ordinal);
            Vision = GgufConfig.Of(clip);
        }
        catch (WeightFileException error)
        {
            _problems.Add(error.Message);
        }
    }

    private void TakeGguf(GgufFile[] language, GgufFile? projector)
    {
        Dictionary<string, StoredTensor> stored = [];
        foreach (GgufFile file in projector is null ? language : [.. language, projector])
        {
            foreach ((string name, StoredTensor tensor) in file.Tensors)
                stored.TryAdd(name, tensor);
        }
        IEnumerable<LlavaTensor> parts = Text is null ? [] : LlavaLayout.OfText(Text);
        if (Vision is not null)
            parts = [.. LlavaLayout.OfTower(Vision), .. LlavaLayout.OfProjector(Vision, _projectorWidth), .. parts];
        foreach (LlavaTensor tensor in parts)
        {
            string name = _firstLayerIsUp ? SwapFeedForward(tensor) : tensor.GgufName;
            if (stored.Remove(name, out StoredTensor? found))
                AddTensor(tensor, found, fromGguf: true);
            else if (tensor.IsUsed)
                _missing.Add(tensor);
        }
        _leftOver.AddRange(stored.Values);
    }

    private static string SwapFeedForward(LlavaTensor tensor) => tensor.Part == LlavaPart.Tower
        ? tensor.GgufName.Contains("ffn_down", StringComparison.Ordinal)
            ? tensor.GgufName.Replace("ffn_down", "ffn_up", StringComparison.Ordinal)
            : tensor.GgufName.Replace("ffn_up", "ffn_down", StringComparison.Ordinal)
        : tensor.GgufName;
}

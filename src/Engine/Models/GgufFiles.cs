using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.Text;

namespace ChainOfSpot.Models;

/// <summary>
/// A language model and its tower with projector ("mmproj") in two GGUF files. Which is which, and what is in them, is told by
/// their metadata, not by their names.
/// </summary>
internal sealed class GgufFiles : ModelFiles
{
    private const string LanguageArchitecture = "llama";
    private const string ProjectorArchitecture = "clip";

    private GgufFiles(GgufFile language, GgufFile projector)
    {
        Files = [language, projector];
        GgufLlama llama = GgufLlama.Read(language);
        GgufClip clip = GgufClip.Read(projector);
        clip.RequireMatch(llama);
        Config = new LlavaConfig { Text = GgufConfig.Of(llama), Vision = GgufConfig.Of(clip) };
        RequireBounds(language.Path, "llama.context_length", Config.Text.MaxPositions, ConfigReader.MaxPositions);
        RequireBounds(projector.Path, "clip.vision.image_size", Config.Vision.ImageSize, ConfigReader.MaxImageSide);
        Tokenizer = ReadTokenizer(language.Path, llama.Vocabulary);
        Language = new LanguageTensors(llama.TokenEmbedding, llama.Blocks, llama.OutputNorm, llama.Output);
        Tower = new TowerTensors(
            clip.ClassEmbedding, clip.PatchEmbedding, clip.PositionEmbedding, clip.PreNorm, clip.Blocks, clip.Projector1, clip.Projector2);
    }

    public override LlavaConfig Config { get; }

    public override LlamaTokenizer Tokenizer { get; }

    /// <summary>GGUF has no "legacy" flag.</summary>
    public override TokenizerSettings TokenizerSettings { get; } = new(Legacy: null);

    public override LanguageTensors Language { get; }

    public override TowerTensors Tower { get; }

    protected override IReadOnlyList<WeightFile> Files { get; }

    /// <summary>Whether a path is a file, or a folder of GGUF files and of no other checkpoint.</summary>
    public static bool AreAt(string path) => File.Exists(path)
        || (Directory.Exists(path) && !File.Exists(Path.Combine(path, "config.json")) && FilesOf(path).Length > 0);

    /// <inheritdoc cref="ModelFiles.Open"/>
    public static new GgufFiles Open(string path, EngineOptions options)
    {
        if (options.VisionTower is { } tower)
            throw new ModelException(tower, $"is no part of a GGUF model; expected tower and projector in one GGUF file (mmproj) beside {path}.");
        string folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        GgufFile? language = null;
        GgufFile? projector = null;
        try
        {
            language = folder == path ? OpenOnly(folder, LanguageArchitecture, "a language model") : GgufFile.Open(path);
            projector = options.MmprojFile is { } file
                ? GgufFile.Open(file)
                : OpenOnly(folder, ProjectorArchitecture, "a vision tower with projector (mmproj)");
            return new GgufFiles(language, projector);
        }
        catch
        {
            language?.Dispose();
            projector?.Dispose();
            throw;
        }
    }

    /// <summary>Opens the one file of a folder that is of an architecture; damaged ones are passed over where there is one.</summary>
    private static GgufFile OpenOnly(string folder, string architecture, string what)
    {
        List<string> found = [];
        WeightFileException? damage = null;
        foreach (string path in FilesOf(folder))
        {
            try
            {
                using GgufFile file = GgufFile.Open(path);
                if (file.Metadata.FindString("general.architecture") == architecture)
                    found.Add(path);
            }
            catch (WeightFileException error)
            {
                damage ??= error;
            }
        }
        return found switch
        {
            [var only] => GgufFile.Open(only),
            [] when damage is not null => throw damage,
            [] => throw new ModelException(folder, $"none of its GGUF files is {what} (architecture \"{architecture}\"); name the file of one."),
            _ => throw new ModelException(
                folder, $"{found.Count} of its GGUF files are {what}: {string.Join(", ", found.Select(Path.GetFileName))}; name the one to use."),
        };
    }

    private static string[] FilesOf(string folder) => [.. Directory.GetFiles(folder, "*.gguf").Order(StringComparer.Ordinal)];

    private static void RequireBounds(string path, string key, int value, int largest)
    {
        if (value > largest)
            throw new ModelException(path, $"\"{key}\" is {value}; expected {largest} at most.");
    }

    private static LlamaTokenizer ReadTokenizer(string path, GgufVocabulary vocabulary) => new(
        path,
        [.. vocabulary.Pieces],
        [.. vocabulary.Scores],
        [.. vocabulary.Types.Select(type => (PieceType)type)],
        vocabulary.BeginId,
        vocabulary.EndId,
        vocabulary.UnknownId,
        vocabulary.AddsSpacePrefix);
}

using ChainOfSpot.TestSupport;
using ChainOfSpot.Text;

namespace ChainOfSpot.Engine.Tests.Text;

/// <summary>The vocabularies that the tests read.</summary>
internal static class Vocabularies
{
    public static string SmallPath { get; } = Fixtures.Path("tokenizer-512.model");

    /// <summary>512 pieces, the vocabulary of the tiny checkpoints.</summary>
    public static LlamaTokenizer Small { get; } = LlamaTokenizer.FromFile(SmallPath);

    /// <summary>640 pieces, the vocabulary of the demonstration model.</summary>
    public static LlamaTokenizer Spot { get; } =
        LlamaTokenizer.FromFile(Path.Combine(Fixtures.Repository, "models", "spot-tiny", "tokenizer.model"));

    /// <summary>A file beside the 32000-piece vocabulary, which is not part of this repository; skips the test without it.</summary>
    public static string LlamaPath(string file)
    {
        for (string? folder = Fixtures.Repository; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string path = Path.Combine(folder, "shared", "fixtures", "llama-tokenizer", file);
            if (File.Exists(path))
                return path;
        }
        Assert.Skip("The 32000-piece vocabulary (shared/fixtures/llama-tokenizer) is not here.");
        return "";
    }

    /// <summary>The 32000-piece vocabulary of LLaMA and Vicuna; skips the test without it.</summary>
    public static LlamaTokenizer Llama() => LlamaTokenizer.FromFile(LlamaPath("tokenizer.model"));
}

using System.Text.Json;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;
using CsCheck;

namespace ChainOfSpot.Runtime.Tests.Weights;

public sealed class GgufFileTests
{
    public static TheoryData<string, string, string> HostileFiles()
    {
        TheoryData<string, string, string> cases = [];
        using var json = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Path("hostile-gguf", "hostile.json")));
        foreach (JsonElement file in json.RootElement.GetProperty("files").EnumerateArray())
        {
            string with = file.TryGetProperty("with", out JsonElement other) ? other.GetString()! : "";
            cases.Add(file.GetProperty("file").GetString()!, file.GetProperty("expect").GetString()!, with);
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(HostileFiles))]
    public void Every_hostile_file_does_what_its_list_demands(string file, string expect, string with)
    {
        string path = Fixtures.Path("hostile-gguf", file);
        WeightFileException? error = Soon.WithinASecond(WeightFileException? () =>
        {
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                LoadModel(path, with.Length == 0 ? null : Fixtures.Path("hostile-gguf", with));
                return null;
            }
            catch (WeightFileException thrown)
            {
                return thrown;
            }
            finally
            {
                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, 1 << 20);
            }
        });
        if (expect == "loads")
            Assert.Null(error);
        else if (expect == "error")
            Assert.NotNull(error);
        if (error is not null)
        {
            Assert.Equal(path, error.File);
            TestContext.Current.TestOutputHelper?.WriteLine(error.Message);
        }
    }

    [Theory]
    [InlineData("block-count-string.gguf", "'llama.block_count'", "an integer")]
    [InlineData("duplicate-key.gguf", "'llama.embedding_length'", "twice")]
    [InlineData("big-endian.gguf", "big-endian", "little-endian")]
    [InlineData("removed-ggml-type.gguf", "tensor '", "type 4")]
    [InlineData("row-not-block-multiple.gguf", "Q4_K", "256")]
    [InlineData("scores-short.gguf", "'tokenizer.ggml.scores'", "16")]
    [InlineData("ffn-down-transposed.gguf", "'blk.0.ffn_down.weight'", "[16, 32] was expected")]
    [InlineData("offset-overlap.gguf", "tensor '", "overlaps tensor '")]
    [InlineData("mmproj-positions.gguf", "'v.position_embd.weight'", "[5, 16] was expected")]
    public void An_error_names_the_field_and_what_was_expected(string file, string field, string expected)
    {
        WeightFileException error = Assert.Throws<WeightFileException>(() => LoadModel(Fixtures.Path("hostile-gguf", file)));
        Assert.Contains(field, error.Message);
        Assert.Contains(expected, error.Message);
    }

    [Theory]
    [InlineData("hostile-gguf", "ok.gguf", 600)]
    [InlineData("hostile-gguf", "ok-mmproj.gguf", 600)]
    [InlineData("gguf", "llama-q8_0-mha-tied.gguf", 100)]
    [InlineData("gguf", "llama-kmix.gguf", 100)]
    [InlineData("gguf", "mmproj-f16.gguf", 100)]
    public void Flipped_and_cut_bytes_are_refused_or_harmless(string folder, string file, int cases)
    {
        byte[] original = File.ReadAllBytes(Fixtures.Path(folder, file));
        string copy = Path.GetTempFileName();
        int header = Math.Min(original.Length, 14000);
        try
        {
            Gen.Select(Gen.Int[0, header - 1].Array[0, 4], Gen.Byte[1, 255], Gen.Int[0, original.Length], Gen.Bool).Sample(
                (positions, flip, length, cut) =>
                {
                    byte[] bytes = [.. original[..(cut ? length : original.Length)]];
                    foreach (int position in positions.Where(position => position < bytes.Length))
                        bytes[position] ^= flip;
                    File.WriteAllBytes(copy, bytes);
                    Soon.WithinASecond(() =>
                    {
                        try
                        {
                            LoadModel(copy);
                            return true;
                        }
                        catch (WeightFileException)
                        {
                            return false;
                        }
                    });
                },
                iter: cases, threads: 1);
        }
        finally
        {
            File.Delete(copy);
        }
    }

    [Fact]
    public void A_closed_file_gives_no_addresses()
    {
        GgufFile file = GgufFile.Open(Fixtures.Path("hostile-gguf", "ok.gguf"));
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Tensors["output_norm.weight"].Data);
    }

    private static void LoadModel(string path, string? languageModel = null)
    {
        using GgufFile file = GgufFile.Open(path);
        if (file.Metadata.FindString("general.architecture") != "clip")
        {
            GgufLlama.Read(file);
            return;
        }
        GgufClip clip = GgufClip.Read(file);
        if (languageModel is null)
            return;
        using GgufFile languageFile = GgufFile.Open(languageModel);
        clip.RequireMatch(GgufLlama.Read(languageFile));
    }
}

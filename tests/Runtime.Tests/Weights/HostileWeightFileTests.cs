using System.Text;
using System.Text.Json;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;
using CsCheck;

namespace ChainOfSpot.Runtime.Tests.Weights;

/// <summary>Whatever a file holds, opening it succeeds or ends in a <see cref="WeightFileException"/>, soon.</summary>
public sealed class HostileWeightFileTests
{
    private const string TwoTensors =
        """
        {"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},
         "b":{"dtype":"F16","shape":[4],"data_offsets":[24,32]},"c":{"dtype":"I64","shape":[],"data_offsets":[32,40]}}
        """;

    [Theory]
    [InlineData("evil.bin", "'os.system'")]
    [InlineData("truncated.safetensors", "tensor 'b' ends at byte 1280 of the data, which has 980")]
    [InlineData("bad-header.safetensors", "more than the file has (1459)")]
    [InlineData("overlap.safetensors", "tensor 'b' overlaps tensor 'a'")]
    public void A_hostile_fixture_is_refused_for_what_it_does(string name, string problem)
    {
        string path = Fixtures.Path("hostile", name);
        WeightFileException error = Soon.WithinASecond(() => Assert.Throws<WeightFileException>(() => Checkpoint.OpenFile(path)));
        Assert.Equal(path, error.File);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_hostile_fixture_has_its_case()
    {
        using JsonDocument list = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Path("hostile", "hostile.json")));
        Assert.Equal(4, list.RootElement.GetProperty("files").GetArrayLength());
    }

    [Fact]
    public void A_file_cut_anywhere_is_refused()
    {
        CutEverywhere("a.safetensors", WeightFileBytes.Safetensors(TwoTensors, 40));
        CutEverywhere("a.bin", TwoStorages());

        static void CutEverywhere(string name, byte[] whole)
        {
            using TemporaryFolder folder = new();
            ReadAll(folder.Write(name, whole));
            for (int length = 0; length < whole.Length; length++)
            {
                string path = folder.Write(name, whole[..length]);
                Assert.Throws<WeightFileException>(() => Checkpoint.OpenFile(path));
            }
        }
    }

    [Fact]
    public void Changed_bytes_of_a_safetensors_header_do_no_harm()
    {
        byte[] whole = WeightFileBytes.Safetensors(TwoTensors, 40);
        ChangeBytes("a.safetensors", whole, whole.Length - 40, iterations: 1500);
    }

    [Fact]
    public void Changed_bytes_of_a_small_torch_file_do_no_harm()
    {
        byte[] whole = TwoStorages();
        ChangeBytes("a.bin", whole, whole.Length, iterations: 1500);
    }

    [Fact]
    public void Changed_bytes_of_a_real_pickle_do_no_harm()
    {
        byte[] whole = File.ReadAllBytes(Fixtures.Path("llava", "orig-bin", "pytorch_model-00002-of-00002.bin"));
        ChangeBytes("a.bin", whole, 2048, iterations: 300);
    }

    /// <summary>Changes one to four of the first bytes, so that tokens, numbers and names are all met.</summary>
    private static void ChangeBytes(string name, byte[] whole, int within, int iterations)
    {
        using TemporaryFolder folder = new();
        Gen.Select(Gen.Int[0, within - 1], Gen.Byte).Array[1, 4].Sample(
            changes =>
            {
                byte[] bytes = [.. whole];
                foreach ((int at, byte value) in changes)
                    bytes[at] = value;
                string path = folder.Write(name, bytes);
                try
                {
                    ReadAll(path);
                }
                catch (WeightFileException)
                {
                }
            },
            iter: iterations,
            threads: 1);
    }

    private static void ReadAll(string path)
    {
        using WeightFile file = path.EndsWith(".bin", StringComparison.Ordinal) ? TorchFile.Open(path) : SafetensorsFile.Open(path);
        WeightFileBytes.ReadAll(file);
    }

    private static byte[] TwoStorages() => WeightFileBytes.Torch(
        new PickleWriter().Op('}').Raw((byte)'q', 0).Op('(')
            .Text("a").Tensor("FloatStorage", "0", 6, 0, [2, 3], [3, 1])
            .Text("b").Tensor("HalfStorage", "1", 4, 1, [3], [1]).Raw((byte)'q', 1)
            .Text("c").Raw((byte)'h', 1)
            .Op('u').Op('}').Text("_metadata").Op('N').Op('s').Op('b').Op('.'),
        Encoding.ASCII.GetBytes("0123456789abcdefghijklmn"),
        Encoding.ASCII.GetBytes("01234567"));
}

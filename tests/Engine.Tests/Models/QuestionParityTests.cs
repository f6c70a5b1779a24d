using ChainOfSpot.Images;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;
using ChainOfSpot.Text;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>Questions to the tiny checkpoints, end to end, against the reference: ids, logits and greedy tokens of every pass.</summary>
public sealed class QuestionParityTests
{
    private const int NewTokens = 12;

    public static MatrixTheoryData<string, int> ModelsAndVectorBits { get; } = new(
        Golden.Models.Select(row => row.Data), ((int[])[128, 256, 512]).Where(bits => bits <= CpuDevice.WidestVectorBits));

    [Theory]
    [MemberData(nameof(ModelsAndVectorBits))]
    public async Task Both_passes_equal_the_reference_with_and_without_reuse(string model, int vectorBits)
    {
        var options = new EngineOptions { Threads = 1, VectorBits = vectorBits };
        await CheckAsync(model, options with { AfterEosRule = AfterEosRule.PrefixStripped }, "pass2");
        await CheckAsync(model, options with { AfterEosRule = AfterEosRule.PrefixKept }, "pass2.prefix");
        await CheckAsync(model, options with { AfterEosRule = AfterEosRule.NoPrefix }, "pass2.bare");
        // The checkpoints say "legacy": false.
        await CheckAsync(model, options, "pass2");
    }

    [Theory]
    [MemberData(nameof(Golden.Models), MemberType = typeof(Golden))]
    public async Task The_direct_pass_equals_the_reference_with_and_without_reuse(string model)
    {
        var golden = Golden.Of(model);
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(golden.Folder);
        foreach (GoldenCase expected in golden.Cases)
        {
            await using SpotImage image = await engine.OpenImageAsync(expected.ImagePath, TestContext.Current.CancellationToken);
            AskOptions options = Options(engine) with { Direct = true };
            Answer fresh = await image.AskForTestAsync(expected.Question, options);
            Answer behindCache = await image.AskForTestAsync(expected.Question, options);
            Answer scratch = await image.AskForTestAsync(expected.Question, options with { Reuse = false });
            foreach (Answer answer in (Answer[])[fresh, behindCache, scratch])
            {
                Assert.Null(answer.Region);
                PassResult pass = Assert.Single(answer.Passes);
                Assert.Equal(PassKind.Direct, pass.Kind);
                CheckPass(expected, "direct", pass);
                AssertSameBits(fresh.Passes[0], pass);
            }
            // The system prompt is that of the pictures before.
            int beforePicture = fresh.Passes[0].PromptIds.TakeWhile(id => id >= 0).Count();
            Assert.Equal(expected == golden.Cases[0] ? 0 : beforePicture, fresh.Usage.CachedInputTokens);
            Assert.True(behindCache.Usage.CachedInputTokens > engine.Config.Vision.Patches);
            Assert.Equal(0, scratch.Usage.CachedInputTokens);
        }
    }

    [Theory]
    [MemberData(nameof(Golden.Models), MemberType = typeof(Golden))]
    public async Task Logits_at_every_position_equal_the_reference(string model)
    {
        var golden = Golden.Of(model);
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(golden.Folder);
        int compared = 0;
        foreach (GoldenCase expected in golden.Cases.Where(c => c.Contains("pass1.logits_all")))
        {
            float[] features = await engine.EncodeAsync(expected.Decode(), box: null);
            PromptRows prompt = engine.Prompt(expected.Ids("pass1.input_ids"), features, features);
            float[] logits = await engine.LogitsAsync(prompt, split: 640);
            Golden.AssertClose(expected.Floats("pass1.logits_all"), logits, Golden.LogitTolerance, "pass1.logits_all");
            compared++;
        }
        Assert.Equal(model switch { "orig-bin" => 0, "orig-safetensors-embedded-tower" => 1, _ => 3 }, compared);
    }

    [Fact]
    public async Task The_original_layout_and_the_Hugging_Face_layout_of_the_same_weights_give_the_same_bits()
    {
        var original = Golden.Of("orig-bin");
        await using ChainOfSpotEngine first = await TestEngine.LoadAsync(original.Folder);
        await using ChainOfSpotEngine second = await TestEngine.LoadAsync(Golden.Of("hf-mha").Folder);
        foreach (GoldenCase expected in original.Cases)
        {
            Picture picture = expected.Decode();
            Assert.Equal(
                TestEngine.Bits(await first.EncodeAsync(picture, expected.CropBox)), TestEngine.Bits(await second.EncodeAsync(picture, expected.CropBox)));
            Answer one = await AskAsync(first, expected);
            Answer other = await AskAsync(second, expected);
            for (int pass = 0; pass < 2; pass++)
            {
                Assert.Equal(one.Passes[pass].PromptIds, other.Passes[pass].PromptIds);
                Assert.Equal(one.Passes[pass].OutputIds, other.Passes[pass].OutputIds);
                // The Hugging Face layout pads the vocabulary.
                int vocabulary = first.Config.Text.VocabularySize;
                Assert.Equal(TestEngine.Bits(one.Passes[pass].ToLogits()), TestEngine.Bits(other.Passes[pass].ToLogits().AsSpan(0, vocabulary)));
            }
        }

        static async Task<Answer> AskAsync(ChainOfSpotEngine engine, GoldenCase expected)
        {
            await using SpotImage image = engine.OpenImage(expected.Decode());
            return await image.AskForTestAsync(
                expected.Question, Options(engine) with { RegionText = expected.Region });
        }
    }

    private static async Task CheckAsync(string model, EngineOptions setup, string secondPass)
    {
        var golden = Golden.Of(model);
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(golden.Folder, setup);
        foreach (GoldenCase expected in golden.Cases)
        {
            await using SpotImage image = await engine.OpenImageAsync(expected.ImagePath, TestContext.Current.CancellationToken);
            AskOptions options = Options(engine) with { RegionText = expected.Region };
            Answer fresh = await image.AskForTestAsync(expected.Question, options);
            Answer behindCache = await image.AskForTestAsync(expected.Question, options);
            Answer scratch = await image.AskForTestAsync(expected.Question, options with { Reuse = false });
            foreach (Answer answer in (Answer[])[fresh, behindCache, scratch])
            {
                Assert.Equal([PassKind.Region, PassKind.Answer], answer.Passes.Select(p => p.Kind));
                CheckPass(expected, "pass1", answer.Passes[0]);
                CheckPass(expected, secondPass, answer.Passes[1]);
                AssertSameBits(fresh.Passes[0], answer.Passes[0]);
                AssertSameBits(fresh.Passes[1], answer.Passes[1]);
                Assert.False(answer.Region!.IsFallback);
                Assert.Equal(expected.Region, answer.Region.Text);
            }
            Assert.Equal(0, scratch.Usage.CachedInputTokens);
            // The forced region differs from what the model said, so reuse ends at the end of pass 1's prompt, or behind the first
            // tokens that happen to agree.
            Assert.InRange(fresh.Passes[1].CachedTokens, fresh.Passes[0].PromptTokens, fresh.Passes[0].PromptTokens + NewTokens);
        }
    }

    internal static void CheckPass(GoldenCase expected, string name, PassResult pass, float tolerance = Golden.LogitTolerance)
    {
        // Only the reading of text behind the end mark differs between the rules, so the forced text is the same in all.
        Assert.Equal(expected.Ids(name + ".input_ids"), pass.PromptIds);
        Assert.Equal(expected.Ids(name + ".tokens"), pass.OutputIds);
        Golden.AssertClose(expected.Floats(name + ".logits_last"), pass.ToLogits(), tolerance, name + ".logits_last");
    }

    private static void AssertSameBits(PassResult expected, PassResult actual)
    {
        Assert.Equal(expected.OutputIds, actual.OutputIds);
        Assert.Equal(TestEngine.Bits(expected.ToLogits()), TestEngine.Bits(actual.ToLogits()));
    }

    internal static AskOptions Options(ChainOfSpotEngine engine) =>
        new() { IgnoreEndToken = true, MaxNewTokens = NewTokens, TopLogits = engine.Config.Text.VocabularySize };
}

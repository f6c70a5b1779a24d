using System.Text.Json;
using ChainOfSpot.Images;
using ChainOfSpot.TestSupport;
using static ChainOfSpot.Cli.Tests.CosOutput;

namespace ChainOfSpot.Cli.Tests;

/// <summary><c>cos ask</c> and its options.</summary>
public sealed class AskCommandTests
{
    private static readonly string Model = Path.Combine(Fixtures.Repository, "models", "spot-tiny");

    [Fact]
    public async Task The_object_holds_what_the_engine_answered()
    {
        CosOutput run = await OfAsync("ask", Shapes, Question, "--json", "--top-logits", "3", "--model", Model);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        JsonElement json = run.Json;
        Assert.Equal(["answer", "region", "passes", "usage", "timings_ms", "device", "model", "probability"], Names(json));

        await using ChainOfSpotEngine engine = await ChainOfSpotEngine.LoadAsync(Model, cancellationToken: TestContext.Current.CancellationToken);
        await using SpotImage image = await engine.OpenImageAsync(Shapes, TestContext.Current.CancellationToken);
        Answer answer = await image.AskAsync(Question, new AskOptions { TopLogits = 3 }, TestContext.Current.CancellationToken);

        Assert.Equal("640", json.GetProperty("answer").GetString());
        JsonElement region = json.GetProperty("region");
        Assert.Equal(["text", "normalized", "pixels", "fallback", "fallback_reason", "probability", "first_token_probability"], Names(region));
        Assert.Equal(answer.Region!.Text, region.GetProperty("text").GetString());
        Assert.Equal([0.625, 0.05, 0.775, 0.2], region.GetProperty("normalized").EnumerateArray().Select(v => v.GetDouble()));
        Assert.Equal([560, 45, 694, 179], Integers(region.GetProperty("pixels")));
        Assert.False(region.GetProperty("fallback").GetBoolean());
        Assert.Equal(JsonValueKind.Null, region.GetProperty("fallback_reason").ValueKind);

        Assert.Equal(2, json.GetProperty("passes").GetArrayLength());
        foreach ((JsonElement pass, PassResult expected) in json.GetProperty("passes").EnumerateArray().Zip(answer.Passes))
        {
            Assert.Equal(["name", "prompt_ids", "output_ids", "text", "cached_tokens", "prompt_tokens", "top_logits"], Names(pass));
            Assert.Equal(expected.Kind == PassKind.Region ? "region" : "answer", pass.GetProperty("name").GetString());
            Assert.Equal(expected.PromptIds, Integers(pass.GetProperty("prompt_ids")));
            Assert.Equal(expected.OutputIds, Integers(pass.GetProperty("output_ids")));
            Assert.Equal(expected.Text, pass.GetProperty("text").GetString());
            Assert.Equal(expected.CachedTokens, pass.GetProperty("cached_tokens").GetInt32());
            Assert.Equal(expected.PromptTokens, pass.GetProperty("prompt_tokens").GetInt32());
            Assert.Equal(
                expected.TopLogits.Select(top => (top.Id, top.Value)),
                pass.GetProperty("top_logits").EnumerateArray().Select(top => (top[0].GetInt32(), top[1].GetSingle())));
        }
        JsonElement usage = json.GetProperty("usage");
        Assert.Equal(["input_tokens", "cached_tokens", "output_tokens"], Names(usage));
        Assert.Equal(
            answer.Usage,
            new TokenUsage(usage.GetProperty("input_tokens").GetInt32(), usage.GetProperty("cached_tokens").GetInt32(), usage.GetProperty("output_tokens").GetInt32()));
        Assert.Equal(
            ["load", "decode_picture", "encode_image", "region_prefill", "region_decode", "encode_region", "answer_prefill", "answer_decode", "total"],
            Names(json.GetProperty("timings_ms")));
        Assert.All(json.GetProperty("timings_ms").EnumerateObject(), stage => Assert.True(stage.Value.GetDouble() >= 0));
        Assert.Equal(engine.DeviceName, json.GetProperty("device").GetString());
        Assert.Equal(Model, json.GetProperty("model").GetString());
    }

    [Fact]
    public async Task Without_reuse_every_token_is_the_same_and_none_is_cached()
    {
        JsonElement with = (await OfAsync("ask", Shapes, Question, "--json")).Json;
        JsonElement without = (await OfAsync("ask", Shapes, Question, "--json", "--no-reuse", "--threads", "1", "--vector-bits", "128")).Json;
        Assert.True(with.GetProperty("usage").GetProperty("cached_tokens").GetInt32() > 100);
        Assert.Equal(0, without.GetProperty("usage").GetProperty("cached_tokens").GetInt32());
        Assert.True(JsonElement.DeepEquals(with.GetProperty("region"), without.GetProperty("region")));
        foreach ((JsonElement a, JsonElement b) in with.GetProperty("passes").EnumerateArray().Zip(without.GetProperty("passes").EnumerateArray()))
            Assert.Equal(Integers(a.GetProperty("output_ids")), Integers(b.GetProperty("output_ids")));
    }

    [Fact]
    public async Task A_direct_question_has_one_pass_and_no_region()
    {
        JsonElement json = (await OfAsync("ask", Shapes, Question, "--json", "--direct")).Json;
        Assert.Equal(JsonValueKind.Null, json.GetProperty("region").ValueKind);
        JsonElement pass = Assert.Single(json.GetProperty("passes").EnumerateArray());
        Assert.Equal("direct", pass.GetProperty("name").GetString());
        Assert.Equal(["load", "decode_picture", "encode_image", "direct_prefill", "direct_decode", "total"], Names(json.GetProperty("timings_ms")));
    }

    [Fact]
    public async Task A_given_region_is_looked_at_and_an_empty_one_falls_back_in_the_open()
    {
        JsonElement given = (await OfAsync("ask", Shapes, Question, "--json", "--region", "[0.25, 0.5, 0.5, 0.75]")).Json.GetProperty("region");
        Assert.Equal("[0.25, 0.5, 0.5, 0.75]", given.GetProperty("text").GetString());
        Assert.Equal([224, 448, 448, 672], Integers(given.GetProperty("pixels")));

        JsonElement empty = (await OfAsync("ask", Shapes, Question, "--json", "--region", "[0.5, 0.2, 0.1, 0.4]")).Json.GetProperty("region");
        Assert.True(empty.GetProperty("fallback").GetBoolean());
        Assert.Equal("inverted_box", empty.GetProperty("fallback_reason").GetString());
        Assert.Equal([0, 0, 896, 896], Integers(empty.GetProperty("pixels")));
    }

    [Fact]
    public async Task Decoding_goes_on_through_end_tokens_to_the_limit_when_told_so()
    {
        JsonElement json = (await OfAsync("ask", Shapes, Question, "--json", "--ignore-eos", "--max-tokens", "7", "--direct")).Json;
        Assert.Equal(7, json.GetProperty("passes")[0].GetProperty("output_ids").GetArrayLength());
        Assert.Equal(7, json.GetProperty("usage").GetProperty("output_tokens").GetInt32());
    }

    [Fact]
    public async Task Word_rule_and_suffix_change_the_prompts()
    {
        int[] plain = SecondPrompt(await OfAsync("ask", Shapes, Question, "--json"));
        int[] where = SecondPrompt(await OfAsync("ask", Shapes, Question, "--json", "--ask-where"));
        int[] bare = SecondPrompt(await OfAsync("ask", Shapes, Question, "--json", "--after-eos", "bare"));
        int[] suffix = SecondPrompt(await OfAsync("ask", Shapes, Question, "--json", "--suffix", @"\nA"));
        Assert.Equal(4, ((int[][])[plain, where, bare, suffix]).Select(ids => string.Join(' ', ids)).Distinct().Count());
        // Piece 13 is the byte of a line break.
        Assert.Equal(plain.Count(id => id == 13) + 1, suffix.Count(id => id == 13));
    }

    [Fact]
    public async Task Overlay_and_crop_are_written_as_pictures()
    {
        using var folder = new TemporaryFolder();
        string overlay = folder.Path("overlay.png"), crop = folder.Path("crop.png");
        await File.WriteAllBytesAsync(overlay, new byte[1 << 20], TestContext.Current.CancellationToken);
        CosOutput run = await OfAsync("ask", Shapes, Question, "--overlay", overlay, "--crop", crop);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains(overlay, run.Out, StringComparison.Ordinal);
        Picture drawn = Picture.Decode(overlay);
        Assert.Equal(896, drawn.Width);
        Assert.True(drawn.Height > 896);
        Assert.True(new FileInfo(overlay).Length < 1 << 20);
        Picture seen = Picture.Decode(crop);
        Assert.Equal((112, 112), (seen.Width, seen.Height));
    }

    [Fact]
    public async Task Exif_orientation_is_applied_unless_told_otherwise()
    {
        string picture = Fixtures.Path("images", "exif6-128x64.jpg");
        CosOutput upright = await OfAsync("ask", picture, Question, "--region", "[0.0, 0.0, 1.0, 1.0]");
        CosOutput stored = await OfAsync("ask", picture, Question, "--region", "[0.0, 0.0, 1.0, 1.0]", "--no-exif");
        Assert.Contains("of 64 x 128)", upright.Out, StringComparison.Ordinal);
        Assert.Contains("of 128 x 64)", stored.Out, StringComparison.Ordinal);
    }

    private static int[] SecondPrompt(CosOutput run) => Integers(run.Json.GetProperty("passes")[1].GetProperty("prompt_ids"));

    private static string[] Names(JsonElement value) => [.. value.EnumerateObject().Select(p => p.Name)];

    private static int[] Integers(JsonElement array) => [.. array.EnumerateArray().Select(v => v.GetInt32())];
}

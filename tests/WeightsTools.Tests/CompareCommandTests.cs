using System.Text.Json;
using ChainOfSpot.TestSupport;
using ChainOfSpot.WeightsTools.Models;

namespace ChainOfSpot.WeightsTools.Tests;

public sealed class CompareCommandTests : IDisposable
{
    private readonly Tool _tool = new();

    private static string SpotTiny => Path.Combine(Fixtures.Repository, "models", "spot-tiny");

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task A_model_agrees_with_itself()
    {
        string text = _tool.PathOf("text.txt");
        File.WriteAllText(text, string.Concat(Enumerable.Repeat("Where is the red circle? It is left of the blue square. ", 20)));
        JsonElement report = await _tool.JsonOfAsync("compare", SpotTiny, SpotTiny, "--text", text, "--window", "50", "--positions", "120");
        Assert.Equal(120, report.GetProperty("positions").GetInt32());
        Assert.Equal(0, report.GetProperty("largest_kl").GetDouble());
        Assert.Equal(0, report.GetProperty("largest_logit_difference").GetDouble());
        Assert.Equal(1, report.GetProperty("top1_agreement").GetDouble());
        Assert.Equal(report.GetProperty("reference_perplexity").GetDouble(), report.GetProperty("perplexity").GetDouble());
    }

    [Fact]
    public async Task Quantisation_costs_little_and_more_with_fewer_bits()
    {
        string questions = Fixtures.Path("spot-tiny", "questions.jsonl");
        List<double> divergences = [];
        foreach (string type in (string[])["q8_0", "q4_0"])
        {
            string gguf = _tool.PathOf(type);
            await _tool.OutputOfAsync("quantize", SpotTiny, "--type", type, "--output", gguf);
            JsonElement report = await _tool.JsonOfAsync("compare", SpotTiny, gguf, "--questions", questions, "--positions", "60");
            divergences.Add(report.GetProperty("mean_kl").GetDouble());
            Assert.InRange(report.GetProperty("reference_perplexity").GetDouble(), 1, 10);
        }
        Assert.InRange(divergences[0], 1e-9, 1e-4);
        Assert.InRange(divergences[1], 5 * divergences[0], 1e-2);
    }

    [Theory]
    [InlineData("f16")]
    [InlineData("q8_0")]
    [InlineData("q4_k_m")]
    public async Task A_GGUF_model_has_the_bits_of_a_checkpoint_of_the_same_weights(string type)
    {
        // Blocks of 256 weights need rows of so many; SpotTiny's are shorter.
        string model = type == "q4_k_m" ? await _tool.RandomAsync("model", "--hidden", "256", "--layers", "2", "--kv-heads", "2") : SpotTiny;
        string gguf = _tool.PathOf(type);
        string back = _tool.PathOf(type + "-back");
        await _tool.OutputOfAsync("quantize", model, "--type", type, "--output", gguf);
        await _tool.OutputOfAsync("convert", gguf, "--type", "f32", "--output", back);
        string text = _tool.PathOf("text.txt");
        File.WriteAllText(text, "Where is the red circle? It is left of the blue square.");
        JsonElement report = await _tool.JsonOfAsync("compare", back, gguf, "--text", text);
        Assert.Equal(0, report.GetProperty("largest_logit_difference").GetDouble());
    }

    [Fact]
    public async Task A_quantised_model_answers_as_the_model_that_it_was_made_of()
    {
        string gguf = _tool.PathOf("gguf");
        await _tool.OutputOfAsync("quantize", SpotTiny, "--type", "q8_0", "--output", gguf);
        using ChainOfSpotEngine original = await Tool.LoadAsync(SpotTiny);
        using ChainOfSpotEngine quantised = await Tool.LoadAsync(gguf);
        foreach (string line in File.ReadLines(Fixtures.Path("spot-tiny", "questions.jsonl")).Take(12))
        {
            JsonElement question = JsonDocument.Parse(line).RootElement;
            string picture = Fixtures.Path("spot-tiny", question.GetProperty("image").GetString()!);
            Answer expected = await AskAsync(original, picture, question.GetProperty("question").GetString()!);
            Answer actual = await AskAsync(quantised, picture, question.GetProperty("question").GetString()!);
            Assert.Equal(expected.Passes.Select(pass => pass.OutputIds), actual.Passes.Select(pass => pass.OutputIds));
        }

        static async Task<Answer> AskAsync(ChainOfSpotEngine engine, string picture, string question)
        {
            using SpotImage image = await engine.OpenImageAsync(picture, TestContext.Current.CancellationToken);
            return await image.AskAsync(question, cancellationToken: TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Questions_without_an_answer_use_the_reference()
    {
        File.Copy(Fixtures.Path("spot-tiny", "spot-000.png"), _tool.PathOf("a.png"));
        string questions = _tool.PathOf("q.jsonl");
        File.WriteAllText(questions, """
            {"image": "a.png", "question": "What color is the square?\nAnswer the question using a single word or phrase."}
            """);
        JsonElement report = await _tool.JsonOfAsync("compare", SpotTiny, SpotTiny, "--questions", questions);
        // The reference's answer is one piece and an end mark, of which it is sure.
        Assert.Equal(2, report.GetProperty("positions").GetInt32());
        Assert.InRange(report.GetProperty("reference_perplexity").GetDouble(), 1, 1.5);
    }

    [Fact]
    public async Task Models_of_two_vocabularies_are_refused()
    {
        string other = await _tool.RandomAsync("other");
        string text = _tool.PathOf("text.txt");
        File.WriteAllText(text, "a red circle");
        (await _tool.RunAsync("compare", SpotTiny, other, "--text", text)).AssertFailed(1, "another vocabulary");
        (await _tool.RunAsync("compare", SpotTiny, SpotTiny)).AssertFailed(2, "--text", "--questions");
        File.WriteAllText(text, "{}");
        (await _tool.RunAsync("compare", SpotTiny, SpotTiny, "--questions", text)).AssertFailed(1, "line 1");
    }

    [Fact]
    public void Divergence_is_that_of_its_definition()
    {
        Divergence divergence = new(vocabulary: 3);
        float[] reference = [MathF.Log(0.5f), MathF.Log(0.25f), MathF.Log(0.25f), 1000];
        float[] other = [MathF.Log(0.25f) + 7, MathF.Log(0.5f) + 7, MathF.Log(0.25f) + 7, -1000];
        divergence.Add(reference, other, next: 0);
        Assert.Equal(0.25 * Math.Log(2), divergence.MeanKl, 1e-6);
        Assert.Equal(0, divergence.TopAgreement);
        Assert.Equal(2, divergence.ReferencePerplexity, 1e-6);
        Assert.Equal(4, divergence.Perplexity, 1e-5);
        Assert.Equal(7 + Math.Log(2), divergence.LargestLogitDifference, 1e-5);
    }
}

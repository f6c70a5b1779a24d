using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using ChainOfSpot.TestSupport;
using ChainOfSpot.Text;

namespace ChainOfSpot.Engine.Tests.Text;

public sealed class ConversationTests
{
    private static readonly (string Name, AfterEosRule Rule)[] SmallRules =
    [
        ("pass2", AfterEosRule.PrefixStripped), ("pass2.prefix", AfterEosRule.PrefixKept), ("pass2.bare", AfterEosRule.NoPrefix),
    ];

    private static JsonDocument Json(params string[] path) => JsonDocument.Parse(File.ReadAllBytes(Fixtures.Path(path)));

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];

    /// <summary>One int64 tensor of a golden file.</summary>
    private static int[] Ids(string file, string tensor)
    {
        byte[] bytes = File.ReadAllBytes(file);
        int headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using JsonDocument header = JsonDocument.Parse(bytes.AsMemory(8, headerLength));
        int[] range = Ids(header.RootElement.GetProperty(tensor).GetProperty("data_offsets"));
        ReadOnlySpan<byte> data = bytes.AsSpan(8 + headerLength)[range[0]..range[1]];
        return [.. MemoryMarshal.Cast<byte, long>(data).ToArray().Select(id => (int)id)];
    }

    [Theory]
    [InlineData("hf-mha")]
    [InlineData("hf-gqa-sharded")]
    [InlineData("orig-bin")]
    [InlineData("orig-safetensors-embedded-tower")]
    public void The_ids_and_texts_of_the_tiny_checkpoints_are_the_references(string model)
    {
        LlamaTokenizer tokenizer = LlamaTokenizer.FromFile(Fixtures.Path("llava", model, "tokenizer.model"));
        string golden = Fixtures.Path("llava", model + ".golden", "golden.safetensors");
        using JsonDocument json = Json("llava", model + ".golden", "golden.json");
        foreach (JsonElement reference in json.RootElement.GetProperty("cases").EnumerateArray())
        {
            string question = reference.GetProperty("question").GetString()!;
            string region = reference.GetProperty("region").GetString()!;
            string prefix = reference.GetProperty("tensors_prefix").GetString()!;

            foreach ((string name, AfterEosRule rule) in SmallRules)
            {
                int[] pass2 = new SpotPrompts(tokenizer, rule).Answer(question, region).ToIds();
                Assert.Equal(Ids(golden, prefix + name + ".input_ids"), pass2);
            }
            var prompts = new SpotPrompts(tokenizer, AfterEosRule.PrefixStripped);
            int[] pass1 = prompts.Region(question).ToIds();
            Assert.Equal(Ids(golden, prefix + "pass1.input_ids"), pass1);
            Assert.Equal(Ids(golden, prefix + "direct.input_ids"), prompts.Direct(question).ToIds());

            // The answer pass goes on from the region pass and the region's own ids, so its cache is reusable.
            int[] regionIds = Ids(golden, prefix + "region.ids");
            Assert.Equal([.. pass1, .. regionIds, tokenizer.EosId],
                prompts.Answer(question, region).ToIds()[..(pass1.Length + regionIds.Length + 1)]);
            Assert.Equal(region, tokenizer.Decode(regionIds));

            foreach (string pass in (string[])["pass1", "direct", "pass2", "pass2.prefix", "pass2.bare"])
            {
                Assert.Equal(
                    reference.GetProperty(pass + ".text").GetString(), tokenizer.Decode(Ids(golden, prefix + pass + ".tokens")));
            }
        }
    }

    [Fact]
    public void The_chunks_of_a_prompt_are_those_of_the_reference()
    {
        using JsonDocument json = Json("llava", "hf-mha.golden", "golden.json");
        foreach (JsonElement reference in json.RootElement.GetProperty("cases").EnumerateArray())
        {
            List<int> expected = [];
            foreach (JsonElement chunk in reference.GetProperty("pass2.chunks").EnumerateArray())
            {
                if (expected.Count > 0)
                    expected.Add(Conversation.ImageToken);
                expected.AddRange(Ids(chunk[1]));
            }
            int[] ids = new SpotPrompts(Vocabularies.Small, AfterEosRule.PrefixStripped)
                .Answer(reference.GetProperty("question").GetString()!, reference.GetProperty("region").GetString()!).ToIds();
            Assert.Equal(expected, ids);
        }
    }

    [Fact]
    public void The_gguf_reference_keeps_the_prefix()
    {
        using JsonDocument json = Json("gguf", "twopass.json");
        JsonElement root = json.RootElement;
        string question = root.GetProperty("question").GetString()!;
        var prompts = new SpotPrompts(Vocabularies.Small, new TokenizerSettings(Legacy: null).AfterEosRule);
        Assert.Equal(Ids(root.GetProperty("pass1_ids")), prompts.Region(question).ToIds());
        Assert.Equal(Ids(root.GetProperty("pass2_ids")), prompts.Answer(question, root.GetProperty("region").GetString()!).ToIds());
    }

    [Fact]
    public void The_conversations_on_the_large_vocabulary_agree_under_all_three_rules()
    {
        LlamaTokenizer tokenizer = Vocabularies.Llama();
        using JsonDocument json = Json("llava", "tokenizer-vicuna.json");
        JsonElement cases = json.RootElement.GetProperty("cases");
        Assert.Equal(12, cases.GetArrayLength());
        foreach (JsonElement reference in cases.EnumerateArray())
        {
            string question = reference.GetProperty("question").GetString()!;
            string region = reference.GetProperty("region").GetString()!;
            JsonElement pass1 = reference.GetProperty("pass1"), pass2 = reference.GetProperty("pass2");
            int[] Answer(AfterEosRule rule) => new SpotPrompts(tokenizer, rule).Answer(question, region).ToIds();

            int[] first = new SpotPrompts(tokenizer, AfterEosRule.PrefixStripped).Region(question).ToIds();
            int[] second = Answer(AfterEosRule.PrefixStripped);
            Assert.Equal(Ids(pass1.GetProperty("plain_ids")), first);
            Assert.Equal(Ids(pass2.GetProperty("plain_ids")), second);
            Assert.Equal(first, second[..first.Length]);
            int[] kept = Answer(AfterEosRule.PrefixKept), bare = Answer(AfterEosRule.NoPrefix);
            if (reference.GetProperty("special_text_differs").GetBoolean())
            {
                // A typed "</s>" is an end mark in the reference's other readings; here the rule changes the turn's "USER" alone.
                int end = Array.IndexOf(second, tokenizer.EosId);
                Assert.Equal([3308, 1001], second[(end + 1)..(end + 3)]);
                Assert.Equal([.. second[..(end + 1)], 3148, .. second[(end + 2)..]], kept);
                Assert.Equal([.. second[..(end + 1)], 11889, .. second[(end + 3)..]], bare);
            }
            else
            {
                Assert.Equal(Ids(pass2.GetProperty("hf_ids_prefix")), kept);
                Assert.Equal(Ids(pass2.GetProperty("hf_ids_bare")), bare);
            }
        }
    }

    [Fact]
    public void The_demonstration_models_reference_decodes_and_continues_its_own_ids()
    {
        var prompts = new SpotPrompts(Vocabularies.Spot, AfterEosRule.PrefixKept);
        string[] lines = File.ReadAllLines(Fixtures.Path("spot-tiny", "questions.jsonl"));
        Assert.Equal(113, lines.Length);
        foreach (string line in lines)
        {
            using JsonDocument json = JsonDocument.Parse(line);
            JsonElement root = json.RootElement;
            string Text(string name) => root.GetProperty(name).GetString()!;
            int[] regionIds = Ids(root.GetProperty("region_ids"));
            Assert.Equal(Text("reference_region"), Vocabularies.Spot.Decode(regionIds));
            Assert.Equal(Text("reference_answer"), Vocabularies.Spot.Decode(Ids(root.GetProperty("answer_ids"))));
            Assert.Equal(Text("reference_direct"), Vocabularies.Spot.Decode(Ids(root.GetProperty("direct_ids"))));

            int[] said = [.. prompts.Region(Text("question")).ToIds(), .. regionIds];
            Assert.Equal(said, prompts.Answer(Text("question"), Text("reference_region")).ToIds()[..said.Length]);
        }
    }

    [Theory]
    [InlineData("Is this </s> the end?")]
    [InlineData("<s>USER: <image>\nWhat?</s>")]
    [InlineData("<unk><image><0x0A>")]
    public void Typed_marks_end_no_turn_and_add_no_image(string typed)
    {
        int[] ids = new SpotPrompts(Vocabularies.Small, AfterEosRule.PrefixKept).Answer(typed, typed).ToIds();
        Assert.Equal(1, ids.Count(id => id == Vocabularies.Small.BosId));
        Assert.Equal(1, ids.Count(id => id == Vocabularies.Small.EosId));
        Assert.Equal(0, ids.Count(id => id == Vocabularies.Small.UnkId));
        Assert.Equal(2, ids.Count(id => id == Conversation.ImageToken));
    }

    [Fact]
    public void The_training_word_and_the_suffix_behind_the_quote_are_settings()
    {
        const string suffix = "\nAnswer with the option's letter from the given choices directly.";
        string Text(Conversation conversation) => string.Join(
            "<image>", Split(conversation.ToIds()).Select(chunk => Vocabularies.Small.Decode(chunk)));

        var prompts = new SpotPrompts(Vocabularies.Small, AfterEosRule.PrefixKept, RegionQuestionWord.Where);
        Assert.EndsWith("USER: <image>\nTo answer the question: \"Red?\", where is the region of interest in the image? ASSISTANT:",
            Text(prompts.Region("Red?")), StringComparison.Ordinal);
        string answer = Text(prompts.Answer("Red?", "[0.0, 0.0, 1.0, 1.0]", suffix));
        Assert.EndsWith($"<image>\n. Answer the question: \"Red?\"{suffix} ASSISTANT:", answer, StringComparison.Ordinal);
        Assert.Contains("\"Red?\", where is", answer, StringComparison.Ordinal);

        static IEnumerable<int[]> Split(int[] ids)
        {
            int start = 0;
            for (int i = 0; i <= ids.Length; i++)
            {
                if (i == ids.Length || ids[i] == Conversation.ImageToken)
                {
                    yield return ids[start..i];
                    start = i + 1;
                }
            }
        }
    }

    [Fact]
    public void An_empty_answer_leaves_no_end_mark()
    {
        int[] ids = new SpotPrompts(Vocabularies.Small, AfterEosRule.PrefixStripped).Answer("Where?", "").ToIds();
        Assert.DoesNotContain(Vocabularies.Small.EosId, ids);
        Assert.Contains("ASSISTANT:USER: The region", Vocabularies.Small.Decode([.. ids.Where(id => id >= 0)]), StringComparison.Ordinal);
    }
}

using System.Text.Json.Nodes;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>Folders that are no model, or not a whole one: each says what is wrong with which file, and what was expected.</summary>
public sealed class ModelFolderTests
{
    public static TheoryData<string, string> Configurations { get; } = new()
    {
        { """{"model_type": "qwen2_vl"}""", "\"model_type\" is \"qwen2_vl\"; expected \"llava\" or \"llava_llama\"" },
        { "{}", "\"model_type\" is \"nothing\"" },
        { "{\"model_type\": \"llava\", ", "config.json: is not JSON" },
        { "[]", "config.json: expected a JSON object" },
        { """{"model_type": "llava", "vision_config": {}}""", "\"text_config\" is missing" },
        { """{"model_type": "llava", "vision_config": {}, "text_config": 5}""", "\"text_config\" is 5; expected a JSON object" },
        { """{"model_type": "llava", "vision_config": null, "text_config": {}}""", "\"vision_config\" is null; expected a JSON object" },
        { """{"model_type": "llava_llama"}""", "neither \"vision_config\" nor \"mm_vision_tower\" is there" },
        { """{"model_type": "llava_llama", "mm_vision_tower": ".."}""", "the vision tower \"..\" is not beside the model" },
    };

    public static TheoryData<string, string, string> TextSettings { get; } = new()
    {
        { "rope_scaling", """{"type": "linear", "factor": 2.0}""", "\"rope_scaling\" asks for \"linear\" scaling of positions; expected none" },
        { "rope_scaling", """{"rope_type": "llama3"}""", "\"rope_scaling\" asks for \"llama3\" scaling" },
        { "rope_scaling", "\"yarn\"", "\"rope_scaling\" is \"yarn\"; expected a JSON object" },
        { "model_type", "\"mistral\"", "the language model is a \"mistral\"; expected \"llama\"" },
        { "hidden_size", "-64", "\"hidden_size\" is -64; expected a whole number from 1" },
        { "hidden_size", "64.5", "\"hidden_size\" is 64.5; expected a whole number" },
        { "num_key_value_heads", "3", "4 query heads are not a multiple of 3 key-value heads" },
        { "head_dim", "7", "\"head_dim\" is 7; expected an even number" },
        { "head_dim", "16777216", "4 heads of \"head_dim\" 16777216 are wider" },
        { "num_attention_heads", "5", "\"hidden_size\" 64 is not a multiple of 5 heads and \"head_dim\" is missing" },
        { "rms_norm_eps", "0", "\"rms_norm_eps\" is 0; expected a positive number" },
        { "rope_theta", "\"big\"", "\"rope_theta\" is \"big\"; expected a positive number" },
        { "max_position_embeddings", "1073741824", "\"max_position_embeddings\" is 1073741824; expected a whole number from 1 to 1048576" },
        { "vocab_size", "500", "the tokenizer has 512 pieces but the embedding only 500 rows" },
        { "vocab_size", "577", "is [576, 64] in" },
        { "intermediate_size", "161", "the configuration says [161, 64]" },
        { "num_hidden_layers", "4", "tensor language_model.model.layers.3.input_layernorm.weight [64] is missing" },
    };

    public static TheoryData<string, string, string> VisionSettings { get; } = new()
    {
        { "image_size", "57", "\"image_size\" 57 is not a multiple of \"patch_size\" 14" },
        { "image_size", "1000000", "\"image_size\" is 1000000; expected a whole number from 1 to 8192" },
        { "num_attention_heads", "5", "\"hidden_size\" 48 of the tower is not a multiple of its 5 heads" },
        { "hidden_act", "\"relu\"", "the tower's \"hidden_act\" is \"relu\"" },
        { "image_size", "70", "the configuration says [26, 48]" },
        { "num_hidden_layers", "9", "encoder.layers.4.layer_norm1.weight [48] is missing" },
    };

    [Theory]
    [MemberData(nameof(Configurations))]
    public async Task A_configuration_that_is_none_of_LLaVA_says_why(string json, string problem)
    {
        using var folder = new ModelFolder("hf-mha");
        await File.WriteAllTextAsync(folder.File("config.json"), json, TestContext.Current.CancellationToken);
        await AssertRefusedAsync<ModelException>(folder, problem);
    }

    [Theory]
    [MemberData(nameof(TextSettings))]
    public async Task A_setting_of_the_language_model_that_does_not_fit_is_named(string key, string value, string problem)
    {
        using var folder = new ModelFolder("hf-mha");
        folder.Change("config.json", config =>
        {
            var text = config["text_config"]!.AsObject();
            if (key == "num_attention_heads")
                text["num_key_value_heads"] = JsonNode.Parse(value);
            text[key] = JsonNode.Parse(value);
        });
        await AssertRefusedAsync<ModelException>(folder, problem);
    }

    [Theory]
    [MemberData(nameof(VisionSettings))]
    public async Task A_setting_of_the_tower_that_does_not_fit_is_named(string key, string value, string problem)
    {
        using var folder = new ModelFolder("hf-mha");
        folder.Change("config.json", config => config["vision_config"]!.AsObject()[key] = JsonNode.Parse(value));
        await AssertRefusedAsync<ModelException>(folder, problem);
    }

    [Theory]
    [InlineData("[0.4, 0.4]")]
    [InlineData("[0.4, 0.4, \"x\"]")]
    [InlineData("[0.4, 0, 0.4]")]
    [InlineData("7")]
    public async Task Normalisation_by_anything_but_three_deviations_is_refused(string deviations)
    {
        using var folder = new ModelFolder("hf-mha");
        folder.Change("preprocessor_config.json", config => config["image_std"] = JsonNode.Parse(deviations));
        await AssertRefusedAsync<ModelException>(folder, "preprocessor_config.json: \"image_std\" is");
    }

    [Theory]
    [InlineData("language_model.model.layers.1.self_attn.k_proj.weight")]
    [InlineData("vision_tower.vision_model.encoder.layers.0.mlp.fc1.bias")]
    [InlineData("multi_modal_projector.linear_2.weight")]
    [InlineData("vision_tower.vision_model.pre_layrnorm.weight")]
    public async Task A_missing_tensor_is_named(string tensor)
    {
        using var folder = new ModelFolder("hf-mha");
        folder.ChangeHeader("model.safetensors", header =>
        {
            JsonNode entry = header[tensor]!;
            Assert.True(header.Remove(tensor));
            header["other." + tensor] = entry;
        });
        await AssertRefusedAsync<ModelException>(folder, tensor, "is missing");
    }

    [Fact]
    public async Task A_shape_that_does_not_fit_gives_both_shapes()
    {
        using var folder = new ModelFolder("hf-mha");
        const string Tensor = "language_model.model.layers.1.mlp.down_proj.weight";
        folder.ChangeHeader("model.safetensors", header => header[Tensor]!["shape"] = new JsonArray(160, 64));
        await AssertRefusedAsync<ModelException>(folder, $"tensor {Tensor} is [160, 64] in", "the configuration says [64, 160]");
    }

    [Fact]
    public async Task A_tensor_of_a_type_that_is_not_multiplied_is_named()
    {
        using var folder = new ModelFolder("hf-mha");
        const string Tensor = "language_model.model.layers.1.mlp.down_proj.weight";
        folder.ChangeHeader("model.safetensors", header => header[Tensor]!["dtype"] = "I16");
        await AssertRefusedAsync<WeightFileException>(folder, Tensor, "I16");
    }

    [Fact]
    public async Task A_missing_vocabulary_is_named()
    {
        using var folder = new ModelFolder("hf-mha");
        File.Delete(folder.File("tokenizer.model"));
        await AssertRefusedAsync<ModelException>(folder, "tokenizer.model: is not there; expected the SentencePiece vocabulary");
    }

    [Fact]
    public async Task A_corrupt_vocabulary_is_refused()
    {
        using var folder = new ModelFolder("hf-mha");
        await File.WriteAllBytesAsync(folder.File("tokenizer.model"), [1, 2, 3, 255], TestContext.Current.CancellationToken);
        await AssertRefusedAsync<InvalidDataException>(folder, "tokenizer.model");
    }

    [Fact]
    public async Task A_missing_tower_is_named()
    {
        using var folder = new ModelFolder("orig-bin");
        await AssertRefusedAsync<ModelException>(folder, "the vision tower", "clip-vit-tiny-patch14-56", "is not beside the model");
    }

    [Fact]
    public async Task A_tower_without_weights_is_refused()
    {
        using var folder = new ModelFolder("orig-bin", "clip-vit-tiny-patch14-56");
        File.Delete(Path.Combine(Path.GetDirectoryName(folder.Path)!, "clip-vit-tiny-patch14-56", "pytorch_model.bin"));
        await AssertRefusedAsync<WeightFileException>(folder, "clip-vit-tiny-patch14-56", "holds no weights");
    }

    [Fact]
    public async Task A_tower_that_lies_elsewhere_is_found_by_the_option()
    {
        using var folder = new ModelFolder("orig-bin");
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(
            folder.Path, new EngineOptions { Threads = 1, VisionTower = Fixtures.Path("llava", "clip-vit-tiny-patch14-56") });
        Assert.Equal(16, engine.Config.Vision.Patches);
        string missing = folder.File("no-tower");
        ModelException error = await Assert.ThrowsAsync<ModelException>(
            () => TestEngine.LoadAsync(folder.Path, new EngineOptions { Threads = 1, VisionTower = missing }));
        Assert.Contains($"{missing}: is not a folder; expected that of the vision tower", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_is_not_there_is_named()
    {
        ModelException error = await Assert.ThrowsAsync<ModelException>(() => TestEngine.LoadAsync("/no/such/folder"));
        Assert.Contains("/no/such/folder: is neither a folder nor a file", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.safetensors", "truncated.safetensors")]
    [InlineData("model.safetensors", "bad-header.safetensors")]
    [InlineData("model.safetensors", "overlap.safetensors")]
    [InlineData("pytorch_model.bin", "evil.bin")]
    public async Task A_hostile_weight_file_is_refused_within_a_second(string name, string hostile)
    {
        using var folder = new ModelFolder("hf-mha");
        File.Delete(folder.File("model.safetensors"));
        File.Copy(Fixtures.Path("hostile", hostile), folder.File(name));
        await AssertRefusedAsync<WeightFileException>(folder, folder.File(name));
    }

    [Fact]
    public async Task Loading_can_be_cancelled_and_reports_every_byte()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => ChainOfSpotEngine.LoadAsync(Fixtures.Path("llava", "hf-mha"), cancellationToken: cancelled.Token));

        var progress = new Reports();
        await using ChainOfSpotEngine engine = await ChainOfSpotEngine.LoadAsync(
            Fixtures.Path("llava", "orig-bin"), new EngineOptions { Threads = 1 }, progress, TestContext.Current.CancellationToken);
        Assert.Equal(progress.Last.TotalBytes, progress.Last.BytesRead);
        Assert.Equal(
            Directory.GetFiles(Fixtures.Path("llava"), "*.bin", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length),
            progress.Last.TotalBytes);
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(64, -1, 0)]
    [InlineData(64, 0, -1)]
    [InlineData(64, 0, 1, 96)]
    public async Task Options_out_of_range_are_refused(int stepRows, int cachePositions, int threads, int vectorBits = 0)
    {
        var options = new EngineOptions { StepRows = stepRows, CachePositions = cachePositions, Threads = threads, VectorBits = vectorBits };
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => TestEngine.LoadAsync(Fixtures.Path("llava", "hf-mha"), options));
    }

    private static async Task AssertRefusedAsync<TException>(ModelFolder folder, params string[] problems)
        where TException : Exception
    {
        TException error = await Soon.WithinASecondAsync(() => Assert.ThrowsAsync<TException>(() => TestEngine.LoadAsync(folder.Path)));
        Assert.All(problems, problem => Assert.Contains(problem, error.Message, StringComparison.Ordinal));
    }

    private sealed class Reports : IProgress<LoadProgress>
    {
        public LoadProgress Last { get; private set; }

        public void Report(LoadProgress value)
        {
            Assert.True(value.BytesRead >= Last.BytesRead);
            Last = value;
        }
    }
}

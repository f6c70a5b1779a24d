using System.Text.Json.Nodes;
using ChainOfSpot.Kernels;
using ChainOfSpot.Models;
using ChainOfSpot.WeightsTools.Models;

namespace ChainOfSpot.WeightsTools.Output;

/// <summary>What stands beside the weights in a Hugging Face LLaVA checkpoint (llava-hf/*): configuration and tokenizer.</summary>
internal static class HuggingFaceFiles
{
    /// <summary>The files' contents by name.</summary>
    /// <param name="config">The shape of the model; its vocabulary has room for the added tokens.</param>
    /// <param name="vocabulary">The pieces, without the added tokens.</param>
    /// <param name="type">How the weights are stored.</param>
    /// <param name="legacy">The tokenizer's "legacy" flag; null to leave it out.</param>
    public static IReadOnlyDictionary<string, byte[]> Create(LlavaConfig config, Vocabulary vocabulary, ElementType type, bool? legacy)
    {
        int imageId = vocabulary.Pieces.Count;
        int padId = imageId + 1;
        return new Dictionary<string, byte[]>
        {
            ["config.json"] = Bytes(Configuration(config, imageId, padId, type)),
            ["generation_config.json"] = Bytes(new JsonObject
            {
                ["bos_token_id"] = vocabulary.BosId,
                ["eos_token_id"] = vocabulary.EosId,
                ["pad_token_id"] = padId,
            }),
            ["preprocessor_config.json"] = Bytes(Preprocessor(config.Vision)),
            ["tokenizer.model"] = SentencePieceWriter.ToBytes(vocabulary),
            ["tokenizer_config.json"] = Bytes(Tokenizer(config.Text, vocabulary, legacy)),
            ["special_tokens_map.json"] = Bytes(new JsonObject
            {
                ["bos_token"] = vocabulary.Pieces[vocabulary.BosId],
                ["eos_token"] = vocabulary.Pieces[vocabulary.EosId],
                ["pad_token"] = Vocabulary.PadPiece,
                ["unk_token"] = vocabulary.Pieces[vocabulary.UnkId],
            }),
            ["added_tokens.json"] = Bytes(new JsonObject { [Vocabulary.ImagePiece] = imageId, [Vocabulary.PadPiece] = padId }),
        };
    }

    /// <summary>The name of an element type in "torch_dtype".</summary>
    public static string TorchType(ElementType type) => type switch
    {
        ElementType.F32 => "float32",
        ElementType.BF16 => "bfloat16",
        _ => "float16",
    };

    private static byte[] Bytes(JsonObject json) => System.Text.Encoding.UTF8.GetBytes(JsonText.Of(json));

    private static JsonObject Configuration(LlavaConfig config, int imageId, int padId, ElementType type) => new()
    {
        ["architectures"] = new JsonArray("LlavaForConditionalGeneration"),
        ["model_type"] = "llava",
        ["ignore_index"] = -100,
        ["image_token_index"] = imageId,
        ["pad_token_id"] = padId,
        ["projector_hidden_act"] = "gelu",
        ["text_config"] = new JsonObject
        {
            ["architectures"] = new JsonArray("LlamaForCausalLM"),
            ["model_type"] = "llama",
            ["hidden_size"] = config.Text.HiddenSize,
            ["intermediate_size"] = config.Text.IntermediateSize,
            ["num_hidden_layers"] = config.Text.Layers,
            ["num_attention_heads"] = config.Text.Heads,
            ["num_key_value_heads"] = config.Text.KvHeads,
            ["head_dim"] = config.Text.HeadDim,
            ["max_position_embeddings"] = config.Text.MaxPositions,
            ["rms_norm_eps"] = config.Text.NormEpsilon,
            ["rope_theta"] = config.Text.RopeTheta,
            ["tie_word_embeddings"] = config.Text.TiedHead,
            ["torch_dtype"] = TorchType(type),
            ["vocab_size"] = config.Text.VocabularySize,
        },
        ["tie_word_embeddings"] = config.Text.TiedHead,
        ["torch_dtype"] = TorchType(type),
        ["vision_config"] = new JsonObject
        {
            ["model_type"] = "clip_vision_model",
            ["hidden_size"] = config.Vision.HiddenSize,
            ["intermediate_size"] = config.Vision.IntermediateSize,
            ["num_hidden_layers"] = config.Vision.Layers,
            ["num_attention_heads"] = config.Vision.Heads,
            ["image_size"] = config.Vision.ImageSize,
            ["patch_size"] = config.Vision.PatchSize,
            ["layer_norm_eps"] = config.Vision.NormEpsilon,
            ["hidden_act"] = config.Vision.QuickGelu ? "quick_gelu" : "gelu",
        },
        ["vision_feature_layer"] = config.Vision.FeatureLayers - config.Vision.Layers - 1,
        ["vision_feature_select_strategy"] = "default",
        ["vocab_size"] = config.Text.VocabularySize,
    };

    private static JsonObject Preprocessor(VisionConfig vision) => new()
    {
        ["crop_size"] = new JsonObject { ["height"] = vision.ImageSize, ["width"] = vision.ImageSize },
        ["do_center_crop"] = true,
        ["do_convert_rgb"] = true,
        ["do_normalize"] = true,
        ["do_rescale"] = true,
        ["do_resize"] = true,
        ["image_mean"] = new JsonArray([.. vision.Mean.Select(value => (JsonNode)value)]),
        ["image_processor_type"] = "CLIPImageProcessor",
        ["image_std"] = new JsonArray([.. vision.Std.Select(value => (JsonNode)value)]),
        ["processor_class"] = "LlavaProcessor",
        ["resample"] = 3,
        ["rescale_factor"] = 1 / 255.0,
        ["size"] = new JsonObject { ["shortest_edge"] = vision.ImageSize },
    };

    private static JsonObject Tokenizer(TextConfig text, Vocabulary vocabulary, bool? legacy)
    {
        var tokenizer = new JsonObject
        {
            ["add_bos_token"] = true,
            ["add_eos_token"] = false,
            ["bos_token"] = vocabulary.Pieces[vocabulary.BosId],
            ["clean_up_tokenization_spaces"] = false,
            ["eos_token"] = vocabulary.Pieces[vocabulary.EosId],
            ["model_max_length"] = text.MaxPositions,
            ["pad_token"] = Vocabulary.PadPiece,
            ["padding_side"] = "left",
            ["processor_class"] = "LlavaProcessor",
            ["sp_model_kwargs"] = new JsonObject(),
            ["tokenizer_class"] = "LlamaTokenizer",
            ["unk_token"] = vocabulary.Pieces[vocabulary.UnkId],
        };
        if (legacy is { } flag)
            tokenizer["legacy"] = flag;
        return tokenizer;
    }
}

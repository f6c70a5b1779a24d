"""What PyTorch and transformers need on this GPU at the shapes of LLaVA-1.5 7B: fp16, random weights, best of several runs.

usage: baseline.py OUTPUT.json
"""
import json
import sys
import time

import torch
import torch.nn.functional as functional


def best(call, runs=5, calls=20):
    call()
    times = []
    for _ in range(runs):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(calls):
            call()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) / calls)
    return min(times)


def attention():
    def heads(rows, count, dim):
        return torch.randn(1, count, rows, dim, device="cuda", dtype=torch.float16)

    result = {}
    for name, rows, context, count, dim, causal in (
        ("full 577", 577, 577, 16, 64, False),
        ("causal 640", 640, 640, 32, 128, True),
        ("causal 1300", 1300, 1300, 32, 128, True),
        ("decode at 1300", 1, 1300, 32, 128, False),
    ):
        q, k, v = heads(rows, count, dim), heads(context, count, dim), heads(context, count, dim)
        result[name] = best(lambda: functional.scaled_dot_product_attention(q, k, v, is_causal=causal))
    return result


def two_passes():
    """The official way: pass 2 encodes both pictures and runs the whole prompt again."""
    try:
        from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration
    except ImportError as missing:
        return {"missing": str(missing)}
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=336, patch_size=14, projection_dim=768
        ),
        text_config=LlamaConfig(vocab_size=32064, max_position_embeddings=4096),
        image_token_index=32000,
    )
    torch.set_default_dtype(torch.float16)
    with torch.device("cuda"):
        model = LlavaForConditionalGeneration(config).eval()

    def run(text_tokens, pictures, new_tokens):
        ids = [1] + [5] * (text_tokens // 2)
        for _ in range(pictures):
            ids += [32000] * 576
        ids += [7] * (text_tokens - text_tokens // 2)
        ids = torch.tensor([ids], device="cuda")
        pixels = torch.randn(pictures, 3, 336, 336, device="cuda")
        with torch.inference_mode():
            model.generate(input_ids=ids, pixel_values=pixels, attention_mask=torch.ones_like(ids), min_new_tokens=new_tokens, max_new_tokens=new_tokens, do_sample=False)

    return {
        "pass 1, 64 + 576 rows, 29 tokens": best(lambda: run(64, 1, 29), runs=2, calls=1),
        "pass 2, 148 + 1152 rows, 8 tokens": best(lambda: run(148, 2, 8), runs=2, calls=1),
    }


def main():
    result = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
    for name, measure in (("attention_seconds", attention), ("transformers_seconds", two_passes)):
        try:
            result[name] = measure()
        except Exception as failure:  # whatever version is there: the other figures are kept
            result[name] = {"missing": repr(failure)}
        with open(sys.argv[1], "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2)
    print(json.dumps(result, indent=2))


main()

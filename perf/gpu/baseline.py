"""What PyTorch and transformers need on this GPU at the shapes of LLaVA-1.5 7B: fp16, random weights, best of several runs.

usage: baseline.py OUTPUT.json [QUESTION.json]

QUESTION.json, as ChainOfSpot.GpuReport --model writes it, says how long the engine's prompts were: transformers gets as many tokens.
OUTPUT.json is written after every figure.
"""
import json
import sys
import time

import torch
import torch.nn.functional as functional

PATCHES = 576
IMAGE_TOKEN = 32000


def best(call, runs=5, calls=20):
    """Seconds of one call among several that are enqueued together; the first one warms up."""
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


def attention(report):
    def heads(rows, count, dim):
        return torch.randn(1, count, rows, dim, device="cuda", dtype=torch.float16)

    for name, rows, context, count, dim, causal in (
        ("full 577", 577, 577, 16, 64, False),
        ("causal 640", 640, 640, 32, 128, True),
        ("causal 1300", 1300, 1300, 32, 128, True),
        ("decode at 1300", 1, 1300, 32, 128, False),
    ):
        q, k, v = heads(rows, count, dim), heads(context, count, dim), heads(context, count, dim)
        report(name, best(lambda: functional.scaled_dot_product_attention(q, k, v, is_causal=causal)))


def engine_prompts(path):
    """Rows of both prompts and tokens of both answers; where there is no file, those of a question of some length."""
    try:
        with open(path, encoding="utf-8") as file:
            tokens = {stage["name"]: stage["tokens"] for stage in json.load(file)["stages"]}
        return (
            tokens["engine: prefill pass 1"], tokens["engine: decode pass 1"],
            tokens["engine: prefill pass 2 without reuse"], tokens["engine: decode pass 2"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return 640, 16, 1300, 16


def two_passes(report, prompts):
    """The official way: pass 2 encodes both pictures and runs the whole prompt again."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    # The rest is 7B's by default, and the token of a picture is 32000.
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=336, patch_size=14, projection_dim=768
        ),
        text_config=LlamaConfig(vocab_size=32064, max_position_embeddings=4096),
    )
    torch.set_default_dtype(torch.float16)
    with torch.device("cuda"):
        model = LlavaForConditionalGeneration(config).to(dtype=torch.float16).eval()

    def run(rows, pictures, new_tokens):
        text = max(rows - (pictures * PATCHES), 2)
        ids = [1] + [5] * (text // 2 - 1) + [IMAGE_TOKEN] * (pictures * PATCHES) + [7] * (text - text // 2)
        ids = torch.tensor([ids], device="cuda")
        pixels = torch.randn(pictures, 3, 336, 336, device="cuda", dtype=torch.float16)
        with torch.inference_mode():
            model.generate(
                input_ids=ids, pixel_values=pixels, attention_mask=torch.ones_like(ids), min_new_tokens=new_tokens, max_new_tokens=new_tokens, do_sample=False
            )

    first_rows, first_tokens, second_rows, second_tokens = prompts
    for name, rows, pictures, tokens in (("pass 1", first_rows, 1, first_tokens), ("pass 2", second_rows, 2, second_tokens)):
        report(f"{name}, prefill of {rows} rows and 1 token", best(lambda: run(rows, pictures, 1), runs=3, calls=1))
        report(f"{name}, {rows} rows and {tokens} tokens", best(lambda: run(rows, pictures, tokens), runs=2, calls=1))


def main():
    output = sys.argv[1]
    prompts = engine_prompts(sys.argv[2] if len(sys.argv) > 2 else "")
    result = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}

    def save():
        with open(output, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2)

    for group, measure in (("attention_seconds", attention), ("transformers_seconds", lambda report: two_passes(report, prompts))):
        figures = result[group] = {}

        def report(name, seconds, figures=figures):
            figures[name] = seconds
            save()

        try:
            measure(report)
        except ImportError as missing:
            figures["missing"] = f"transformers is not there: {missing}"
            print(f"{group}: {figures['missing']}", file=sys.stderr)
        except Exception as failure:  # whatever version is there: the other figures are kept
            figures["missing"] = repr(failure)
            print(f"{group}: {figures['missing']}", file=sys.stderr)
        save()
    print(json.dumps(result, indent=2))


main()

using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Report;

/// <summary>
/// Layers of a whole model one after the other, as the engine runs them: what a model costs beside its single kernels. All
/// layers have the same weights, which are far larger than a cache.
/// </summary>
internal sealed class LayerStacks : IDisposable
{
    public const string Group = "Model";
    public const string Prefill = "prefill";
    public const string Decode = "decode";
    public const string Encode = "image encode";
    public const string ReadLogits = "head, one row";
    public const string Projector = "projector";

    private const float Epsilon = 1e-5f;

    private readonly LlavaShape _shape;
    private readonly ModelWeights _weights;
    private readonly int _layers;
    private readonly Activations _activations;

    public LayerStacks(Device device, LlavaShape shape, ModelWeights weights, int layers)
    {
        _shape = shape;
        _weights = weights;
        _layers = layers;
        _activations = new Activations(device);
        Cases =
        [
            Decoder(device, Prefill, shape.PromptRows, shape.PromptRows),
            Decoder(device, Decode, shape.Context, 1),
            LanguageHead(),
            Tower(),
            Project(),
        ];
    }

    public IReadOnlyList<KernelCase> Cases { get; }

    public void Dispose() => _activations.Dispose();

    private KernelCase Decoder(Device owner, string name, int context, int rows)
    {
        int d = _shape.Width;
        var cached = _activations.Own(new CachedRows(owner, new KvShape(_layers, _shape.Heads, _shape.HeadDim), context, rows));
        Tensor x = _activations.Random(rows, d);
        Tensor normed = _activations.Random(rows, d);
        Tensor qkv = _activations.Random(rows, 3 * d);
        Tensor attended = _activations.Random(rows, d);
        Tensor gateUp = _activations.Random(rows, 2 * _shape.Intermediate);
        Tensor activated = _activations.Random(rows, _shape.Intermediate);
        Tensor norm = _activations.Ones(d);
        return new KernelCase(name, Group, rows, device =>
        {
            for (int layer = 0; layer < _layers; layer++)
            {
                device.RmsNorm(x, norm, Epsilon, normed);
                device.MatMul(normed, _weights["qkv"], qkv);
                device.RopeAppend(qkv, cached.Placement, cached.Rope, cached.Pool, layer);
                device.Attention(qkv, cached.Placement, cached.Pool, layer, attended);
                device.MatMul(attended, _weights["o"], x, residual: x);
                device.RmsNorm(x, norm, Epsilon, normed);
                device.MatMul(normed, _weights["gate_up"], gateUp);
                device.SwiGlu(gateUp, activated);
                device.MatMul(activated, _weights["down"], x, residual: x);
            }
        });
    }

    private KernelCase LanguageHead()
    {
        Tensor x = _activations.Random(1, _shape.Width);
        Tensor logits = _activations.Random(1, _shape.Vocabulary);
        Tensor ids = _activations.Random(1, 1);
        return new KernelCase(ReadLogits, Group, 0, device =>
        {
            device.MatMul(x, _weights[ModelWeights.Head], logits);
            device.ArgMax(logits, ids);
        });
    }

    private KernelCase Tower()
    {
        int rows = _shape.Patches + 1;
        int d = _shape.TowerWidth;
        Tensor x = _activations.Random(rows, d);
        Tensor normed = _activations.Random(rows, d);
        Tensor qkv = _activations.Random(rows, 3 * d);
        Tensor attended = _activations.Random(rows, d);
        Tensor hidden = _activations.Random(rows, _shape.TowerIntermediate);
        Tensor norm = _activations.Ones(d);
        Tensor bias = _activations.Random(1, d);
        Tensor qkvBias = _activations.Random(1, 3 * d);
        Tensor hiddenBias = _activations.Random(1, _shape.TowerIntermediate);
        return new KernelCase(Encode, Group, _shape.Patches, device =>
        {
            for (int layer = 0; layer < _layers; layer++)
            {
                device.LayerNorm(x, norm, bias, Epsilon, normed);
                device.MatMul(normed, _weights["clip_qkv"], qkv, qkvBias);
                device.FullAttention(qkv, rows, _shape.TowerHeads, attended);
                device.MatMul(attended, _weights["clip_o"], x, bias, residual: x);
                device.LayerNorm(x, norm, bias, Epsilon, normed);
                device.MatMul(normed, _weights["clip_up"], hidden, hiddenBias, MatMulActivation.QuickGelu);
                device.MatMul(hidden, _weights["clip_down"], x, bias, residual: x);
            }
        });
    }

    private KernelCase Project()
    {
        int rows = _shape.Patches;
        Tensor features = _activations.Random(rows, _shape.TowerWidth);
        Tensor hidden = _activations.Random(rows, _shape.Width);
        Tensor output = _activations.Random(rows, _shape.Width);
        Tensor bias = _activations.Random(1, _shape.Width);
        return new KernelCase(Projector, Group, 0, device =>
        {
            device.MatMul(features, _weights["projector_1"], hidden, bias, MatMulActivation.Gelu);
            device.MatMul(hidden, _weights["projector_2"], output, bias);
        });
    }
}

using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Models;

/// <summary>
/// CLIP's vision transformer up to the feature layer, and LLaVA's projector behind it:
/// h = x + attention(norm(x)); x = h + mlp(norm(h)). Pictures of one call are rows of one batch.
/// </summary>
internal sealed class VisionTower : IDisposable
{
    private readonly Device _device;
    private readonly VisionConfig _config;
    private readonly DeviceParameters _parameters;
    private readonly Weight _patchEmbedding;
    private readonly Tensor _classRow;
    private readonly Tensor _positions;
    private readonly Tensor _preNormWeight;
    private readonly Tensor _preNormBias;
    private readonly Layer[] _layers;
    private readonly Weight _projectorFirst;
    private readonly Tensor _projectorFirstBias;
    private readonly Weight _projectorSecond;
    private readonly Tensor _projectorSecondBias;
    private readonly Tensor _patches;
    private readonly Tensor _x;
    private readonly Tensor _normed;
    private readonly Tensor _qkv;
    private readonly Tensor _attended;
    private readonly Tensor _hidden;
    private readonly Tensor _projected;

    public VisionTower(Device device, LlavaConfig config, TowerTensors tensors)
    {
        _device = device;
        _config = config.Vision;
        _parameters = new DeviceParameters(device);
        try
        {
            int d = _config.HiddenSize;
            int inter = _config.IntermediateSize;
            int patch = _config.PatchSize;
            int rows = _config.Patches + 1;
            float[] positions = tensors.PositionEmbedding.ToFloats();
            float[] classRow = tensors.ClassEmbedding.ToFloats();
            for (int i = 0; i < d; i++)
                classRow[i] += positions[i];
            _classRow = _parameters.Rows(1, classRow);
            _positions = _parameters.Rows(_config.Patches, positions[d..]);
            _patchEmbedding = _parameters.Matrix(tensors.PatchEmbedding);
            _preNormWeight = _parameters.Vector(tensors.PreNorm.Weight);
            _preNormBias = _parameters.Vector(tensors.PreNorm.Bias);
            _layers = [.. tensors.Blocks.Select(block => new Layer(_parameters, block))];
            _projectorFirst = _parameters.Matrix(tensors.Projector1.Weight);
            _projectorFirstBias = _parameters.Vector(tensors.Projector1.Bias);
            _projectorSecond = _parameters.Matrix(tensors.Projector2.Weight);
            _projectorSecondBias = _parameters.Vector(tensors.Projector2.Bias);

            _patches = Scratch(_config.Patches, 3 * patch * patch);
            _x = Scratch(rows, d);
            _normed = Scratch(rows, d);
            _qkv = Scratch(rows, 3 * d);
            _attended = Scratch(rows, d);
            _hidden = Scratch(rows, inter);
            _projected = Scratch(_config.Patches, config.Text.HiddenSize);
        }
        catch
        {
            _parameters.Dispose();
            throw;
        }
    }

    /// <summary>The features before the projector, of the last picture: rows 1 to n of [1 + n, tower width].</summary>
    public TensorView Features => _x.Slice(1, _config.Patches);

    /// <summary>Bytes of the weights that one picture reads.</summary>
    public long WeightBytes => _parameters.WeightBytes;

    /// <summary>
    /// Encodes one picture, [1, 3 side side] normalised, to <paramref name="output"/> [patches, width of the language model].
    /// Stops between layers when <paramref name="cancellation"/> asks.
    /// </summary>
    public void Encode(TensorView pixels, TensorView output, CancellationToken cancellation)
    {
        int patches = _config.Patches;
        _device.ExtractPatches(pixels, _config.ImageSize, _config.PatchSize, _patches);
        _device.Copy(_classRow, _x.First(1));
        _device.MatMul(_patches, _patchEmbedding, _x.Slice(1, patches), residual: _positions);
        _device.LayerNorm(_x, _preNormWeight, _preNormBias, _config.NormEpsilon, _x);
        MatMulActivation activation = _config.QuickGelu ? MatMulActivation.QuickGelu : MatMulActivation.Gelu;
        foreach (Layer layer in _layers)
        {
            cancellation.ThrowIfCancellationRequested();
            _device.LayerNorm(_x, layer.AttentionNormWeight, layer.AttentionNormBias, _config.NormEpsilon, _normed);
            _device.MatMul(_normed, layer.Qkv, _qkv, layer.QkvBias);
            _device.FullAttention(_qkv, patches + 1, _config.Heads, _attended);
            _device.MatMul(_attended, layer.Output, _x, layer.OutputBias, residual: _x);
            _device.LayerNorm(_x, layer.MlpNormWeight, layer.MlpNormBias, _config.NormEpsilon, _normed);
            _device.MatMul(_normed, layer.Up, _hidden, layer.UpBias, activation);
            _device.MatMul(_hidden, layer.Down, _x, layer.DownBias, residual: _x);
        }
        _device.MatMul(Features, _projectorFirst, _projected, _projectorFirstBias, MatMulActivation.Gelu);
        _device.MatMul(_projected, _projectorSecond, output, _projectorSecondBias);
    }

    public void Dispose() => _parameters.Dispose();

    private Tensor Scratch(int rows, int columns) => _parameters.Own(_device.Allocate(ElementType.F32, rows, columns));

    private sealed class Layer(DeviceParameters parameters, ClipBlock block)
    {
        public Tensor AttentionNormWeight { get; } = parameters.Vector(block.AttentionNorm.Weight);

        public Tensor AttentionNormBias { get; } = parameters.Vector(block.AttentionNorm.Bias);

        public Weight Qkv { get; } = parameters.Matrix(block.Query.Weight, block.Key.Weight, block.Value.Weight);

        public Tensor QkvBias { get; } = parameters.Vector(block.Query.Bias, block.Key.Bias, block.Value.Bias);

        public Weight Output { get; } = parameters.Matrix(block.AttentionOutput.Weight);

        public Tensor OutputBias { get; } = parameters.Vector(block.AttentionOutput.Bias);

        public Tensor MlpNormWeight { get; } = parameters.Vector(block.FeedForwardNorm.Weight);

        public Tensor MlpNormBias { get; } = parameters.Vector(block.FeedForwardNorm.Bias);

        public Weight Up { get; } = parameters.Matrix(block.FeedForward1.Weight);

        public Tensor UpBias { get; } = parameters.Vector(block.FeedForward1.Bias);

        public Weight Down { get; } = parameters.Matrix(block.FeedForward2.Weight);

        public Tensor DownBias { get; } = parameters.Vector(block.FeedForward2.Bias);
    }
}

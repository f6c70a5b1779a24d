using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Models;

/// <summary>Features of a picture that take the place of embedded tokens in a step.</summary>
/// <param name="Features">[rows, width of the language model].</param>
/// <param name="Row">The first row of the step that they replace.</param>
internal readonly record struct FeatureRows(TensorView Features, int Row);

/// <summary>
/// LLaMA's decoder over a ragged batch: h = x + attention(norm(x)); x = h + swiglu(norm(h)). In the last layer only the rows
/// whose logits are read go on behind the keys and values.
/// </summary>
internal sealed class LanguageModel : IDisposable
{
    private readonly Device _device;
    private readonly TextConfig _config;
    private readonly DeviceParameters _parameters;
    private readonly Weight _embedding;
    private readonly Layer[] _layers;
    private readonly Tensor _finalNorm;
    private readonly Weight _head;
    private readonly RopeTable _rope;
    private readonly Tensor _x;
    private readonly Tensor _normed;
    private readonly Tensor _qkv;
    private readonly Tensor _attended;
    private readonly Tensor _gateUp;
    private readonly Tensor _activated;
    private readonly Tensor _outputX;
    private readonly Tensor _outputQkv;
    private Tensor _logits;

    public LanguageModel(Device device, TextConfig config, LanguageTensors tensors, int mostRows)
    {
        _device = device;
        _config = config;
        _parameters = new DeviceParameters(device);
        try
        {
            int d = config.HiddenSize;
            int width = config.Heads * config.HeadDim;
            int kvWidth = config.KvHeads * config.HeadDim;
            _embedding = _parameters.Own(device.LoadTable(tensors.Embedding));
            _layers = [.. tensors.Blocks.Select(block => new Layer(_parameters, block))];
            _finalNorm = _parameters.Vector(tensors.Norm);
            _head = config.TiedHead ? _embedding : _parameters.Matrix(tensors.Head);
            _rope = _parameters.Own(device.BuildRope(config.RopeTheta, config.HeadDim, config.MaxPositions));

            _x = Scratch(mostRows, d);
            _normed = Scratch(mostRows, d);
            _qkv = Scratch(mostRows, width + (2 * kvWidth));
            _attended = Scratch(mostRows, width);
            _gateUp = Scratch(mostRows, 2 * config.IntermediateSize);
            _activated = Scratch(mostRows, config.IntermediateSize);
            _outputX = Scratch(mostRows, d);
            _outputQkv = Scratch(mostRows, width + (2 * kvWidth));
            _logits = device.Allocate(ElementType.F32, 1, config.VocabularySize);
        }
        catch
        {
            _parameters.Dispose();
            throw;
        }
    }

    /// <summary>Bytes of the weights that one step reads.</summary>
    public long WeightBytes => _parameters.WeightBytes;

    /// <summary>What one position of its key-value cache holds.</summary>
    public KvShape KvShape => new(_config.Layers, _config.KvHeads, _config.HeadDim);

    /// <summary>
    /// Runs one step and returns the logits [outputs, vocabulary] of the rows that the batch marks, but for the first
    /// <paramref name="choiceRows"/> of them, whose logits <see cref="Choices"/> gives; keys and values of all rows are in the cache
    /// then. Returns null when no row is marked or <paramref name="stop"/> said, between layers, that nobody waits any more.
    /// </summary>
    public TensorView? Forward(RaggedBatch batch, ReadOnlySpan<FeatureRows> features, KvPool pool, Func<bool> stop, int choiceRows = 0)
    {
        int rows = batch.Rows;
        RaggedRows placement = batch.Placement;
        TensorView x = _x.First(rows);
        _device.EmbedTokens(_embedding, batch.Tokens, x);
        foreach (FeatureRows feature in features)
            _device.Copy(feature.Features, x.Slice(feature.Row, feature.Features.Rows));

        for (int i = 0; i < _layers.Length; i++)
        {
            if (stop())
                return null;
            Layer layer = _layers[i];
            TensorView qkv = _qkv.First(rows);
            _device.RmsNorm(x, layer.AttentionNorm, _config.NormEpsilon, _normed.First(rows));
            _device.MatMul(_normed.First(rows), layer.Qkv, qkv);
            _device.RopeAppend(qkv, placement, _rope, pool, i);
            if (i == _layers.Length - 1)
            {
                rows = batch.Outputs;
                if (rows == 0)
                    return null;
                placement = batch.OutputPlacement;
                _device.GatherRows(x, batch.OutputRows, _outputX.First(rows));
                _device.GatherRows(qkv, batch.OutputRows, _outputQkv.First(rows));
                x = _outputX.First(rows);
                qkv = _outputQkv.First(rows);
            }
            FinishLayer(layer, x, qkv, placement, pool, i);
        }

        _device.RmsNorm(x, _finalNorm, _config.NormEpsilon, _normed.First(rows));
        EnsureLogits(rows - choiceRows);
        TensorView logits = _logits.First(rows - choiceRows);
        if (logits.Rows > 0)
            _device.MatMul(_normed.Slice(choiceRows, logits.Rows), _head, logits);
        return logits;
    }

    /// <summary>The logits of the first marked rows of the step before: of a few tokens only.</summary>
    /// <param name="ids">I32 [tokens, 1].</param>
    /// <param name="logits">fp32 [rows, tokens].</param>
    public void Choices(TensorView ids, TensorView logits) => _device.MatMulRows(_normed.First(logits.Rows), _head, ids, logits);

    public void Dispose()
    {
        _logits?.Dispose();
        _parameters.Dispose();
    }

    private void FinishLayer(Layer layer, TensorView x, TensorView qkv, in RaggedRows placement, KvPool pool, int index)
    {
        int rows = x.Rows;
        _device.Attention(qkv, placement, pool, index, _attended.First(rows));
        _device.MatMul(_attended.First(rows), layer.Output, x, residual: x);
        _device.RmsNorm(x, layer.MlpNorm, _config.NormEpsilon, _normed.First(rows));
        _device.MatMul(_normed.First(rows), layer.GateUp, _gateUp.First(rows));
        _device.SwiGlu(_gateUp.First(rows), _activated.First(rows));
        _device.MatMul(_activated.First(rows), layer.Down, x, residual: x);
    }

    private void EnsureLogits(int rows)
    {
        if (_logits.Rows >= rows)
            return;
        Tensor larger = _device.Allocate(ElementType.F32, rows, _config.VocabularySize);
        _logits.Dispose();
        _logits = larger;
    }

    private Tensor Scratch(int rows, int columns) => _parameters.Own(_device.Allocate(ElementType.F32, rows, columns));

    private sealed class Layer(DeviceParameters parameters, LlamaBlock block)
    {
        public Tensor AttentionNorm { get; } = parameters.Vector(block.AttentionNorm);

        public Weight Qkv { get; } = parameters.Matrix(block.Query, block.Key, block.Value);

        public Weight Output { get; } = parameters.Matrix(block.AttentionOutput);

        public Tensor MlpNorm { get; } = parameters.Vector(block.FeedForwardNorm);

        public Weight GateUp { get; } = parameters.Matrix(block.Gate, block.Up);

        public Weight Down { get; } = parameters.Matrix(block.Down);
    }
}

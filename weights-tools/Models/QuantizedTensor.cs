using System.Buffers;
using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Quantization;
using ChainOfSpot.WeightsTools.Output;

namespace ChainOfSpot.WeightsTools.Models;

/// <summary>A tensor on its way into a GGUF file: quantised row by row, with the error that this costs.</summary>
internal sealed unsafe class QuantizedTensor
{
    private readonly SourceTensor _source;

    // One sum a row, so that the result does not depend on the order in which threads finish.
    private readonly double[] _squaredErrors;
    private readonly double[] _plainSquaredErrors;
    private readonly double[] _squares;

    /// <param name="source">The tensor.</param>
    /// <param name="name">Its name in the file.</param>
    /// <param name="type">How it is stored there.</param>
    public QuantizedTensor(SourceTensor source, string name, ElementType type)
    {
        _source = source;
        Name = name;
        Type = type;
        _squaredErrors = new double[source.Tensor.Rows];
        _plainSquaredErrors = new double[source.Tensor.Rows];
        _squares = new double[source.Tensor.Rows];
        Output = new OutputTensor(name, type, source.Tensor.Shape, WriteRow);
    }

    public string Name { get; }

    public ElementType Type { get; }

    /// <summary>What the file's writer asks for its rows.</summary>
    public OutputTensor Output { get; }

    /// <summary>√ mean (w - ŵ)², once it is written.</summary>
    public double Rmse => RootMean(_squaredErrors);

    /// <summary>The same with plain rounding.</summary>
    public double PlainRmse => RootMean(_plainSquaredErrors);

    /// <summary>√ mean w².</summary>
    public double Rms => RootMean(_squares);

    private double RootMean(double[] sums) => Math.Sqrt(sums.Sum() / ((double)_source.Tensor.Rows * _source.Tensor.Columns));

    private void WriteRow(long ggufRow, byte* destination)
    {
        long row = _source.Tensor.HuggingFaceRow(ggufRow);
        int columns = _source.Tensor.Columns;
        float[] buffer = ArrayPool<float>.Shared.Rent(2 * columns);
        fixed (float* weights = buffer)
        {
            float* restored = weights + columns;
            _source.ReadRow(row, weights);
            RequireFinite(buffer.AsSpan(0, columns));
            if (Type == _source.Type)
                Buffer.MemoryCopy(_source.Row(row), destination, _source.RowBytes, _source.RowBytes);
            else
                Quantize.Row(Type, weights, columns, destination);
            Dequantize.Row(Type, destination, columns, restored);
            for (int i = 0; i < columns; i++)
            {
                double difference = (double)restored[i] - weights[i];
                _squaredErrors[ggufRow] += difference * difference;
                _squares[ggufRow] += (double)weights[i] * weights[i];
            }
            _plainSquaredErrors[ggufRow] = Type is >= ElementType.Q2_K and <= ElementType.Q6_K && Type != _source.Type
                ? PlainRounding.SquaredError(Type, weights, columns)
                : _squaredErrors[ggufRow];
        }
        ArrayPool<float>.Shared.Return(buffer);
    }

    private void RequireFinite(ReadOnlySpan<float> weights)
    {
        foreach (float weight in weights)
        {
            if (!float.IsFinite(weight))
            {
                throw new CommandException(
                    $"{_source.Stored.File}: tensor {_source.Stored.Name} holds {weight}; "
                    + "finite weights were expected. See cos-weights verify.");
            }
        }
    }
}

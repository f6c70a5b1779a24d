using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Quantization;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.WeightsTools.Models;

/// <summary>A tensor of a model as some file holds it, read in the order of Hugging Face.</summary>
/// <param name="Tensor">What it is.</param>
/// <param name="Stored">The tensor of the file.</param>
/// <param name="FromGguf">Whether its rows are in GGUF's order.</param>
internal sealed unsafe record SourceTensor(LlavaTensor Tensor, StoredTensor Stored, bool FromGguf)
{
    /// <summary>How it is stored.</summary>
    public ElementType Type => Stored.Type;

    /// <summary>Bytes of a row as it is stored.</summary>
    public long RowBytes => Type.RowBytes(Tensor.Columns);

    /// <summary>The address of a row as it is stored.</summary>
    public byte* Row(long row) => (byte*)Stored.Data + ((FromGguf ? Tensor.GgufRow(row) : row) * RowBytes);

    /// <summary>Reads a row, exactly.</summary>
    public void ReadRow(long row, float* destination) => Dequantize.Row(Type, Row(row), Tensor.Columns, destination);
}

using ChainOfSpot.Kernels;

namespace ChainOfSpot.Runtime.Weights;

/// <summary>Hands out the tensors that a model needs, each checked, and in the end refuses those that nobody asked for.</summary>
internal sealed class GgufTensors(GgufFile file)
{
    private readonly HashSet<string> _taken = [];

    public bool Contains(string name) => file.Tensors.ContainsKey(name);

    /// <summary>Weights of the given shape, stored as floats or in a block format.</summary>
    public StoredTensor Weights(string name, params ReadOnlySpan<long> shape)
    {
        if (!file.Tensors.TryGetValue(name, out StoredTensor? tensor))
            throw Error(name, "is missing");
        if (!shape.SequenceEqual([.. tensor.Shape]))
        {
            string expected = string.Join(", ", shape.ToArray());
            throw Error(name, $"has the shape [{string.Join(", ", tensor.Shape)}]; [{expected}] was expected");
        }
        if (tensor.Type is ElementType.I32 or ElementType.I64)
            throw Error(name, $"holds {tensor.Type}; weights were expected");
        _taken.Add(name);
        return tensor;
    }

    /// <summary>A norm or bias, which is small and stored as plain floats.</summary>
    public StoredTensor Vector(string name, long length)
    {
        StoredTensor tensor = Weights(name, length);
        return tensor.Type.IsQuantized() ? throw Error(name, $"is stored as {tensor.Type}; plain floats were expected") : tensor;
    }

    /// <summary>Length of a tensor's first (slowest) dimension.</summary>
    public long Rows(string name) =>
        file.Tensors.TryGetValue(name, out StoredTensor? tensor) ? tensor.Shape[0] : throw Error(name, "is missing");

    /// <summary>Passes over a tensor that the model does not need.</summary>
    public void Ignore(string name) => _taken.Add(name);

    /// <exception cref="WeightFileException">A tensor was not asked for: the model is another one, and would compute wrongly.</exception>
    public void RequireAllTaken(string model)
    {
        if (file.Tensors.Keys.FirstOrDefault(name => !_taken.Contains(name)) is { } name)
            throw Error(name, $"is no part of {model}");
    }

    private WeightFileException Error(string name, string problem) => new(file.Path, $"tensor '{name}' {problem}");
}

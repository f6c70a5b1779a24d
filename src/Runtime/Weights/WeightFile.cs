namespace ChainOfSpot.Runtime.Weights;

/// <summary>
/// One memory-mapped file of named tensors. Closing it ends the life of every <see cref="StoredTensor"/> of it; nobody may be
/// reading its memory then.
/// </summary>
public abstract class WeightFile : IDisposable
{
    private protected WeightFile(
        MappedFile mapping, IReadOnlyDictionary<string, StoredTensor> tensors, IReadOnlyDictionary<string, string> unreadable)
    {
        Mapping = mapping;
        Tensors = tensors;
        Unreadable = unreadable;
    }

    /// <summary>Where it lies.</summary>
    public string Path => Mapping.Path;

    /// <summary>Its tensors by name.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>
    /// What it holds besides, by name, with the reason why it cannot be read ("is stored as F64; …"). Real files carry buffers of
    /// odd types that nobody needs, so this is an error only for whoever asks for one.
    /// </summary>
    public IReadOnlyDictionary<string, string> Unreadable { get; }

    internal MappedFile Mapping { get; }

    /// <summary>Gives the mapping back.</summary>
    public void Dispose()
    {
        Mapping.Dispose();
        GC.SuppressFinalize(this);
    }
}

namespace ChainOfSpot.Runtime.Weights;

/// <summary>
/// One memory-mapped file of named tensors. Closing it ends the life of every <see cref="StoredTensor"/> of it; nobody may be
/// reading its memory then.
/// </summary>
public abstract class WeightFile : IDisposable
{
    // A multiple of every page size; small enough for steady progress and a prompt end.
    private const int PrefetchBytes = 16 << 20;

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

    /// <summary>
    /// Brings files into memory in order, as far as memory goes, so that the page faults of first use do not cost their time one
    /// by one and loading can show progress.
    /// </summary>
    /// <param name="files">The files.</param>
    /// <param name="progress">Gets the bytes done and those in all, every 16 MiB and at the end of each file.</param>
    /// <param name="cancellationToken">Stops it within 16 MiB.</param>
    /// <exception cref="WeightFileException">The disk failed.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static void Prefetch(
        IReadOnlyList<WeightFile> files, IProgress<(long Done, long Total)>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        long done = 0;
        long total = files.Sum(file => file.Mapping.Length);
        foreach (WeightFile file in files)
        {
            for (long offset = 0; offset < file.Mapping.Length; offset += PrefetchBytes)
            {
                cancellationToken.ThrowIfCancellationRequested();
                long length = Math.Min(PrefetchBytes, file.Mapping.Length - offset);
                file.Mapping.Load(offset, length);
                done += length;
                progress?.Report((done, total));
            }
        }
    }

    /// <summary>Gives the mapping back.</summary>
    public void Dispose()
    {
        Mapping.Dispose();
        GC.SuppressFinalize(this);
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace ChainOfSpot.Runtime.Weights;

/// <summary>
/// The weights of a model folder: its safetensors or PyTorch files, mapped, with their tensors joined under the names that the
/// files give them. Closing it ends the life of every tensor of it; nobody may be reading their memory then.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private const int MaxIndexBytes = 16 << 20;

    private readonly List<WeightFile> _files = [];
    private readonly Dictionary<string, StoredTensor> _tensors = [];
    private readonly Dictionary<string, (string File, string Reason)> _unreadable = [];

    private Checkpoint(string path)
    {
        Path = path;
    }

    /// <summary>The folder or file that was opened.</summary>
    public string Path { get; }

    /// <summary>Its files.</summary>
    public IReadOnlyList<WeightFile> Files => _files;

    /// <summary>All tensors by name.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    /// <summary>The names of what the files hold besides: <see cref="TryGet"/> says why it cannot be read.</summary>
    public IReadOnlyCollection<string> Unreadable => _unreadable.Keys;

    /// <summary>The size of its files together: what <see cref="Prefetch"/> reads.</summary>
    public long TotalBytes => _files.Sum(file => file.Mapping.Length);

    /// <summary>
    /// Opens the weights of a folder, the first of these that it has: the shards of <c>model.safetensors.index.json</c>;
    /// <c>model.safetensors</c>; all <c>*.safetensors</c>; the shards of <c>pytorch_model.bin.index.json</c>;
    /// <c>pytorch_model.bin</c>; all <c>pytorch_model*.bin</c>.
    /// </summary>
    /// <exception cref="WeightFileException">
    /// It holds none of them; a shard or a tensor that the index names is missing; the index names a file outside the folder; two
    /// files hold a tensor of one name; a file is damaged.
    /// </exception>
    public static Checkpoint Open(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!Directory.Exists(folder))
            throw new WeightFileException(folder, File.Exists(folder) ? "is a file; a folder was expected" : "does not exist");
        return Join(folder, checkpoint =>
        {
            if (!checkpoint.AddKind("model", ".safetensors", "*.safetensors")
                && !checkpoint.AddKind("pytorch_model", ".bin", "pytorch_model*.bin"))
            {
                throw new WeightFileException(
                    folder, "holds no weights; model.safetensors, pytorch_model.bin or shards of these with their index were expected");
            }
        });
    }

    /// <summary>Opens one weight file of either kind, told by its extension.</summary>
    /// <exception cref="WeightFileException">It is missing, damaged, or neither .safetensors nor .bin, .pth or .pt.</exception>
    public static Checkpoint OpenFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Join(path, checkpoint => checkpoint.Add(path, shardOf: null));
    }

    /// <summary>Finds a tensor.</summary>
    /// <returns>False where there is none of that name.</returns>
    /// <exception cref="WeightFileException">There is one, but it cannot be read.</exception>
    public bool TryGet(string name, [NotNullWhen(true)] out StoredTensor? tensor)
    {
        if (_unreadable.TryGetValue(name, out (string File, string Reason) found))
            throw new WeightFileException(found.File, $"tensor '{name}' {found.Reason}");
        return _tensors.TryGetValue(name, out tensor);
    }

    /// <summary>Finds a tensor that has to be there.</summary>
    /// <exception cref="WeightFileException">There is none of that name, or it cannot be read.</exception>
    public StoredTensor Get(string name) =>
        TryGet(name, out StoredTensor? tensor) ? tensor : throw new WeightFileException(Path, $"holds no tensor '{name}'");

    /// <inheritdoc cref="WeightFile.Prefetch"/>
    public void Prefetch(IProgress<(long Done, long Total)>? progress = null, CancellationToken cancellationToken = default) =>
        WeightFile.Prefetch(_files, progress, cancellationToken);

    /// <summary>Closes all files.</summary>
    public void Dispose()
    {
        foreach (WeightFile file in _files)
            file.Dispose();
    }

    private static Checkpoint Join(string path, Action<Checkpoint> addFiles)
    {
        Checkpoint checkpoint = new(path);
        try
        {
            addFiles(checkpoint);
            return checkpoint;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            checkpoint.Dispose();
            throw new WeightFileException(path, $"cannot be read: {error.Message}", error);
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    private bool AddKind(string stem, string extension, string pattern)
    {
        string index = System.IO.Path.Combine(Path, stem + extension + ".index.json");
        string single = System.IO.Path.Combine(Path, stem + extension);
        if (File.Exists(index))
            AddShards(index, extension);
        else if (File.Exists(single))
            Add(single, shardOf: null);
        else
        {
            foreach (string file in Directory.GetFiles(Path, pattern).Order(StringComparer.Ordinal))
                Add(file, shardOf: null);
        }
        return _files.Count > 0;
    }

    private void AddShards(string index, string extension)
    {
        Dictionary<string, string> shardOf = ReadIndex(index, extension);
        foreach (string shard in shardOf.Values.Distinct().Order(StringComparer.Ordinal))
        {
            string path = System.IO.Path.Combine(Path, shard);
            if (!File.Exists(path))
                throw new WeightFileException(index, $"names the shard '{shard}', which is not in the folder");
            Add(path, shardOf);
        }
        foreach ((string name, string shard) in shardOf)
        {
            if (!_tensors.ContainsKey(name) && !_unreadable.ContainsKey(name))
                throw new WeightFileException(index, $"places tensor '{name}' in '{shard}', which lacks it");
        }
    }

    /// <param name="path">The file.</param>
    /// <param name="shardOf">Which file a tensor is to be taken from, where several hold it.</param>
    private void Add(string path, Dictionary<string, string>? shardOf)
    {
        WeightFile file = System.IO.Path.GetExtension(path) switch
        {
            ".safetensors" => SafetensorsFile.Open(path),
            ".bin" or ".pth" or ".pt" => TorchFile.Open(path),
            _ => throw new WeightFileException(path, "is of no known kind; .safetensors, .bin, .pth or .pt was expected"),
        };
        _files.Add(file);
        string shard = System.IO.Path.GetFileName(path);
        foreach (string name in file.Tensors.Keys.Concat(file.Unreadable.Keys))
        {
            if (shardOf is not null && shardOf.TryGetValue(name, out string? wanted) && wanted != shard)
                continue;
            if (_tensors.TryGetValue(name, out StoredTensor? other))
                throw new WeightFileException(path, $"holds tensor '{name}', which {other.File} holds too");
            if (_unreadable.TryGetValue(name, out (string File, string) odd))
                throw new WeightFileException(path, $"holds tensor '{name}', which {odd.File} holds too");
            if (file.Tensors.TryGetValue(name, out StoredTensor? tensor))
                _tensors.Add(name, tensor);
            else
                _unreadable.Add(name, (path, file.Unreadable[name]));
        }
    }

    /// <returns>For every tensor the name of its file.</returns>
    private static Dictionary<string, string> ReadIndex(string index, string extension)
    {
        using MappedFile file = MappedFile.Open(index);
        if (file.Length > MaxIndexBytes)
            throw new WeightFileException(index, $"has {file.Length} bytes; at most {MaxIndexBytes} were expected");
        Dictionary<string, string> shardOf = [];
        try
        {
            using JsonDocument document = JsonDocument.Parse(
                file.Bytes(0, file.Length, "the index").ToArray(), new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("weight_map", out JsonElement map)
                || map.ValueKind != JsonValueKind.Object)
            {
                throw new WeightFileException(index, "has no weight_map from tensors to files");
            }
            foreach (JsonProperty entry in map.EnumerateObject())
            {
                string? shard = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString() : null;
                if (shard is null || !IsPlainFileName(shard) || !shard.EndsWith(extension, StringComparison.Ordinal))
                {
                    throw new WeightFileException(
                        index, $"places tensor '{entry.Name}' in {entry.Value}; the plain name of a {extension} file was expected");
                }
                shardOf.Add(entry.Name, shard);
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new WeightFileException(index, $"is malformed JSON: {error.Message}", error);
        }
        return shardOf;
    }

    // The separators of every system, so that a folder is as safe on one as on another.
    private static bool IsPlainFileName(string name) =>
        !name.AsSpan().ContainsAny("/\\:") && !name.Any(char.IsControl) && name is not ("" or "." or "..");
}

using System.Globalization;

namespace ChainOfSpot.WeightsTools.Output;

/// <summary>Writes a Hugging Face checkpoint, complete or not at all.</summary>
internal static class HuggingFaceFolder
{
    /// <summary>Writes the shards, their index and the other files.</summary>
    public static void Write(
        Terminal terminal,
        string folder,
        IReadOnlyList<OutputTensor> tensors,
        IReadOnlyDictionary<string, byte[]> files,
        long shardBytes,
        CancellationToken cancellation)
    {
        IReadOnlyList<Shard> shards = SafetensorsWriter.Split(tensors, shardBytes);
        long total = tensors.Sum(tensor => tensor.ByteLength);
        using PendingFolder pending = PendingFolder.Create(folder, [.. files.Keys, .. SafetensorsWriter.FileNames(shards)], total);
        terminal.RunWithProgress($"Writing {Path.GetFileName(folder)}", total, progress =>
            SafetensorsWriter.Write(pending, shards, progress, cancellation));
        foreach ((string name, byte[] content) in files)
            File.WriteAllBytes(pending.PathOf(name), content);
        cancellation.ThrowIfCancellationRequested();
        pending.Complete();
        terminal.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{folder}: {tensors.Count} tensors, {Sizes.Format(total)}, weight files: {shards.Count}"));
    }
}

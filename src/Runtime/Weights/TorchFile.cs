using ChainOfSpot.Kernels;

namespace ChainOfSpot.Runtime.Weights;

/// <summary>
/// A PyTorch <c>.bin</c> or <c>.pth</c> file since PyTorch 1.6: an uncompressed zip archive with one folder that holds
/// <c>data.pkl</c>, the pickled state dict, and <c>data/{key}</c>, the raw storages, which are used where they lie. Nothing of
/// the pickle is run. Tensors whose strides are not those of their shape are listed as unreadable: no checkpoint of this model
/// family holds one.
/// </summary>
public sealed class TorchFile : WeightFile
{
    private const string PickleName = "data.pkl";

    private TorchFile(MappedFile mapping, Dictionary<string, StoredTensor> tensors, Dictionary<string, string> unreadable)
        : base(mapping, tensors, unreadable)
    {
    }

    /// <summary>Maps the file and reads its state dict.</summary>
    /// <exception cref="WeightFileException">
    /// It is missing, damaged, of the format before PyTorch 1.6, or its pickle asks for anything but tensors; that is named.
    /// </exception>
    public static TorchFile Open(string path)
    {
        MappedFile file = MappedFile.Open(path);
        try
        {
            return Read(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static TorchFile Read(MappedFile file)
    {
        ReadOnlySpan<byte> start = file.Bytes(0, Math.Min(file.Length, 4), "the start");
        if (start is [0x80, ..])
        {
            throw new WeightFileException(
                file.Path, "is a bare pickle, the format before PyTorch 1.6; loading it with PyTorch and torch.save renews it");
        }
        if (!start.SequenceEqual("PK\x03\x04"u8))
            throw new WeightFileException(file.Path, "is no PyTorch file: it does not start as a zip archive");

        ZipDirectory archive = new(file);
        string root = FindRoot(file, archive);
        archive.TryLocate(root + PickleName, out long pickleAt, out long pickleBytes);
        if (pickleBytes > TorchPickle.MaxBytes)
            throw new WeightFileException(file.Path, $"has a pickle of {pickleBytes} bytes; at most {TorchPickle.MaxBytes} were expected");
        if (archive.TryLocate(root + "byteorder", out long orderAt, out long orderBytes)
            && !file.Bytes(orderAt, orderBytes, "the byte order").SequenceEqual("little"u8))
        {
            throw new WeightFileException(file.Path, "has a byte order other than 'little'");
        }

        Dictionary<string, StoredTensor> tensors = [];
        Dictionary<string, string> unreadable = [];
        foreach ((string name, object? value) in TorchPickle.ReadStateDict(file.Path, file.Bytes(pickleAt, pickleBytes, "the pickle")))
        {
            if (value is not TorchTensor tensor)
                unreadable.Add(name, "is no tensor");
            else if (tensor.Storage.Type is not { } type)
                unreadable.Add(name, $"is stored as {tensor.Storage.TypeName}; Float, Half, BFloat16, Int, Long or Byte was expected");
            else if (!IsContiguous(tensor))
                unreadable.Add(name, "is strided; rows without gaps were expected (tensor.contiguous() makes them)");
            else
                tensors.Add(name, Locate(file, archive, root, name, tensor, type));
        }
        return new TorchFile(file, tensors, unreadable);
    }

    private static string FindRoot(MappedFile file, ZipDirectory archive)
    {
        string[] pickles = [.. archive.Names.Where(name => name.EndsWith("/" + PickleName, StringComparison.Ordinal))];
        return pickles is [var pickle]
            ? pickle[..^PickleName.Length]
            : throw new WeightFileException(file.Path, $"holds {pickles.Length} files {PickleName}; one was expected");
    }

    private static StoredTensor Locate(
        MappedFile file, ZipDirectory archive, string root, string name, TorchTensor tensor, ElementType type)
    {
        TorchStorage storage = tensor.Storage;
        if (!archive.TryLocate($"{root}data/{storage.Key}", out long offset, out long length))
            throw new WeightFileException(file.Path, $"tensor '{name}' lies in storage '{storage.Key}', which the archive lacks");
        if (length / type.Size() != storage.Count || length % type.Size() != 0)
        {
            throw new WeightFileException(
                file.Path, $"storage '{storage.Key}' of tensor '{name}' has {length} bytes; {storage.Count} x {type} was expected");
        }
        if (!StoredTensor.TryCount(tensor.Shape, out long count) || tensor.Offset < 0 || tensor.Offset > storage.Count - count)
        {
            throw new WeightFileException(
                file.Path,
                $"tensor '{name}' of shape [{string.Join(", ", tensor.Shape)}] at element {tensor.Offset} leaves its storage "
                + $"'{storage.Key}' of {storage.Count} elements");
        }
        return new StoredTensor(file, name, type, tensor.Shape, offset + tensor.Offset * type.Size());
    }

    private static bool IsContiguous(TorchTensor tensor)
    {
        if (tensor.Strides.Length != tensor.Shape.Length)
            return false;
        if (!StoredTensor.TryCount(tensor.Shape, out long step) || step == 0)
            return true;
        // The strides of dimensions of size 1 are never used; PyTorch leaves any value there.
        step = 1;
        for (int i = tensor.Shape.Length - 1; i >= 0; i--)
        {
            if (tensor.Shape[i] != 1 && tensor.Strides[i] != step)
                return false;
            step *= tensor.Shape[i];
        }
        return true;
    }
}

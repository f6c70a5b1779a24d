using Microsoft.Win32.SafeHandles;

namespace ChainOfSpot.WeightsTools.Output;

/// <summary>
/// Files that appear all at once: they are written into a folder of a temporary name, beside the target or inside of one that
/// is there already, and get their place when all are complete and on the disk. Whatever ends the work before, an error or
/// Ctrl+C, leaves nothing of them, nor of the folders that were made to hold them.
/// </summary>
internal sealed class PendingFolder : IDisposable
{
    private readonly string _target;
    private readonly string _pending;
    private readonly IReadOnlyList<string> _madeParents;
    private bool _placed;

    private PendingFolder(string target, string pending, IReadOnlyList<string> madeParents)
    {
        _target = target;
        _pending = pending;
        _madeParents = madeParents;
    }

    /// <summary>Starts to write.</summary>
    /// <param name="target">Where the files will lie.</param>
    /// <param name="files">The names of all of them; none may be there.</param>
    /// <param name="totalBytes">What they will need, about.</param>
    /// <exception cref="CommandException">The target is a file, a file is there already, or the disk has too little room.</exception>
    public static PendingFolder Create(string target, IReadOnlyList<string> files, long totalBytes)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        if (File.Exists(full))
            throw new CommandException($"{target} is a file; a folder to write into was expected.");
        foreach (string file in files)
        {
            if (Path.Exists(Path.Combine(full, file)))
                throw new CommandException($"{Path.Combine(target, file)} is there already; remove it, or name another folder.");
        }
        string parent = Path.GetDirectoryName(full)
            ?? throw new CommandException($"{target} is no folder that can be written.");
        List<string> missing = [];
        for (string? above = parent; above is not null && !Directory.Exists(above); above = Path.GetDirectoryName(above))
            missing.Add(above);
        // A folder that is there may be on another disk than the one that it is in.
        string disk = Directory.Exists(full) ? full : missing.Count == 0 ? parent : Path.GetDirectoryName(missing[^1]) ?? parent;
        long free = new DriveInfo(disk).AvailableFreeSpace;
        if (totalBytes > free)
        {
            throw new CommandException(
                $"{target} needs {Sizes.Format(totalBytes)}, but its disk has {Sizes.Format(free)} left.");
        }
        string pending = Path.Combine(
            Directory.Exists(full) ? full : parent, $".{Path.GetFileName(full)}.incomplete-{Path.GetRandomFileName()}");
        var folder = new PendingFolder(full, pending, missing);
        try
        {
            Directory.CreateDirectory(pending);
        }
        catch
        {
            folder.Dispose();
            throw;
        }
        return folder;
    }

    /// <summary>Opens a new file for writing.</summary>
    public FileStream OpenFile(string name) =>
        new(PathOf(name), new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 });

    /// <summary>Where a file lies before the folder is complete.</summary>
    public string PathOf(string name) => Path.Combine(_pending, name);

    /// <summary>Puts all files in their place.</summary>
    public void Complete()
    {
        // A name that reaches the disk before its data would be a half-written file after a power failure.
        foreach (string file in Directory.GetFiles(_pending))
        {
            using SafeFileHandle handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite);
            RandomAccess.FlushToDisk(handle);
        }
        if (!Path.Exists(_target))
        {
            Directory.Move(_pending, _target);
        }
        else
        {
            foreach (string file in Directory.GetFiles(_pending))
                File.Move(file, Path.Combine(_target, Path.GetFileName(file)));
            Directory.Delete(_pending);
        }
        _placed = true;
    }

    /// <summary>Removes everything that is not complete.</summary>
    public void Dispose()
    {
        if (_placed)
            return;
        if (Directory.Exists(_pending))
            Directory.Delete(_pending, recursive: true);
        // The innermost comes first; somebody else may have put something there since.
        foreach (string made in _madeParents.TakeWhile(made => !Directory.Exists(made) || !Directory.EnumerateFileSystemEntries(made).Any()))
        {
            if (Directory.Exists(made))
                Directory.Delete(made);
        }
    }
}

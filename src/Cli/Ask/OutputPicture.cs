using ChainOfSpot.Cli.Errors;
using ChainOfSpot.Images;

namespace ChainOfSpot.Cli.Ask;

/// <summary>A picture file to be written once there is an answer; opened before, so that a path that cannot be written costs no
/// computation. A file that was there keeps its content until then; one that was not is removed where there is no answer.</summary>
internal sealed class OutputPicture : IDisposable
{
    private readonly FileStream _file;
    private readonly bool _isNew;
    private bool _saved;

    private OutputPicture(FileStream file, bool isNew)
    {
        _file = file;
        _isNew = isNew;
    }

    /// <summary>The path.</summary>
    public string Path => _file.Name;

    /// <summary>Opens a file for writing.</summary>
    /// <exception cref="CommandException">It cannot be written.</exception>
    public static OutputPicture Open(string path)
    {
        try
        {
            bool isNew = !File.Exists(path);
            return new OutputPicture(new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write), isNew);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw NotWritten(path, error);
        }
    }

    /// <summary>Writes the picture as PNG.</summary>
    /// <exception cref="CommandException">It cannot be written.</exception>
    public void Save(Picture picture)
    {
        try
        {
            picture.SavePng(_file);
            if (_file.CanSeek && _file.Length > _file.Position)
                _file.SetLength(_file.Position);
            _file.Flush();
            _saved = true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw NotWritten(Path, error);
        }
    }

    public void Dispose()
    {
        _file.Dispose();
        if (_isNew && !_saved)
            File.Delete(Path);
    }

    private static CommandException NotWritten(string path, Exception error) =>
        new(ErrorCodes.FileNotWritten, $"{path}: cannot be written: {error.Message}", error);
}

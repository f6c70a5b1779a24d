using System.Text;
using ChainOfSpot.Cli.Errors;

namespace ChainOfSpot.Cli.Batch;

/// <summary>
/// The file of answers. It only ever grows by whole lines in the order of the questions, so how many there are says where a run
/// that was interrupted goes on; half a line at its end is taken away.
/// </summary>
internal sealed class BatchOutput : IDisposable
{
    private readonly string _path;
    private readonly FileStream _file;

    private BatchOutput(string path, FileStream file)
    {
        _path = path;
        _file = file;
    }

    /// <summary>Opens the file, new or as an earlier run left it.</summary>
    /// <exception cref="CommandException">It cannot be written.</exception>
    public static BatchOutput Open(string path)
    {
        try
        {
            return new BatchOutput(path, new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CommandException(ErrorCodes.FileNotWritten, $"--out {path} cannot be written: {error.Message}", error);
        }
    }

    /// <summary>Passes over the answers that are there, and over the questions that they answer.</summary>
    /// <param name="questions">The questions; moved behind the last one that is answered.</param>
    /// <returns>How many there are.</returns>
    /// <exception cref="CommandException">An answer is not that of its question: the file is another run's.</exception>
    public int Resume(IEnumerator<BatchLine> questions)
    {
        int answered = 0;
        long end = 0;
        foreach ((string text, long behind) in WholeLines())
        {
            answered++;
            if (!questions.MoveNext() || !new BatchLine(answered, text).MayAnswer(questions.Current))
            {
                throw new CommandException(
                    ErrorCodes.FileNotWritten,
                    $"--out {_path}: line {answered} does not answer the question in its place; name another file, or remove this one.");
            }
            end = behind;
        }
        _file.SetLength(end);
        _file.Position = end;
        return answered;
    }

    /// <summary>Adds a line; it is in the file then, not only in this process' memory.</summary>
    public void Add(string line)
    {
        try
        {
            _file.Write(Encoding.UTF8.GetBytes(line + "\n"));
            _file.Flush();
        }
        catch (IOException error)
        {
            throw new CommandException(ErrorCodes.FileNotWritten, $"--out {_path} cannot be written: {error.Message}", error);
        }
    }

    public void Dispose() => _file.Dispose();

    private IEnumerable<(string Text, long Behind)> WholeLines()
    {
        _file.Position = 0;
        var line = new MemoryStream();
        var buffer = new byte[1 << 16];
        long position = 0;
        for (int read; (read = _file.Read(buffer)) > 0; position += read)
        {
            int start = 0;
            for (int end; (end = Array.IndexOf(buffer, (byte)'\n', start, read - start)) >= 0; start = end + 1)
            {
                line.Write(buffer, start, end - start);
                yield return (Encoding.UTF8.GetString(line.GetBuffer(), 0, (int)line.Length), position + end + 1);
                line.SetLength(0);
            }
            line.Write(buffer, start, read - start);
        }
    }
}

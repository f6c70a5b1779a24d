using System.Text.Json.Serialization;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Images;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Cli.Errors;

/// <summary>An error as the tool reports it.</summary>
/// <param name="Code">One of <see cref="ErrorCodes"/>.</param>
/// <param name="Message">One line: what is wrong and what was expected.</param>
internal sealed record CommandError(string Code, string Message)
{
    private const int Failure = 1;
    private const int BadUsage = 2;
    private const int Interrupted = 130;

    /// <summary>What the process ends with.</summary>
    [JsonIgnore]
    public int ExitCode => Code switch
    {
        ErrorCodes.BadOption => BadUsage,
        ErrorCodes.Cancelled => Interrupted,
        _ => Failure,
    };

    /// <summary>The report of an exception.</summary>
    public static CommandError Of(Exception error)
    {
        string code = error switch
        {
            CommandException own => own.Code,
            OperationCanceledException => ErrorCodes.Cancelled,
            PictureException { InnerException: FileNotFoundException or DirectoryNotFoundException } => ErrorCodes.PictureNotFound,
            PictureException => ErrorCodes.PictureNotDecoded,
            ModelException => ErrorCodes.ModelInvalid,
            WeightFileException => ErrorCodes.WeightFileInvalid,
            InvalidDataException => ErrorCodes.TokenizerInvalid,
            ContextLengthException => ErrorCodes.ContextTooLong,
            KvCacheFullException => ErrorCodes.CacheFull,
            DeviceNotFoundException => ErrorCodes.DeviceNotFound,
            NotSupportedException => ErrorCodes.BadOption,
            DeviceMemoryException or OutOfMemoryException => ErrorCodes.OutOfMemory,
            IOException or UnauthorizedAccessException => ErrorCodes.FileNotRead,
            _ => ErrorCodes.Internal,
        };
        string message = code switch
        {
            ErrorCodes.Cancelled => "cancelled.",
            ErrorCodes.Internal => $"an error inside of the tool, {error.GetType().Name}: {error.Message}",
            _ => error.Message,
        };
        return new CommandError(code, message.OnOneLine());
    }

    /// <summary>Writes the error where the command's user looks for it.</summary>
    /// <returns>The exit code.</returns>
    public int Write(Terminal terminal, bool asJson)
    {
        if (asJson)
            terminal.Out.WriteLine(CliJson.ToText(new ErrorJson(this)));
        else
            terminal.Error.WriteLine($"cos: {Message}");
        return ExitCode;
    }
}

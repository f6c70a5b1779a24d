using ChainOfSpot.Images;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.WeightsTools;

/// <summary>An error on one line, and what the process ends with.</summary>
internal static class ErrorLine
{
    private const int Failure = 1;
    private const int BadUsage = 2;
    private const int Interrupted = 130;
    private const int LongestLine = 2000;

    // errno ENOSPC and EDQUOT on Linux, EDQUOT on macOS; ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL on Windows.
    private static readonly int[] DiskFullCodes = [28, 122, 69, unchecked((int)0x80070070), unchecked((int)0x80070027)];

    /// <summary>The line for an exception, and the exit code.</summary>
    public static (string Message, int ExitCode) Of(Exception error) => error switch
    {
        CommandException own => (OneLine(own.Message), own.IsUsage ? BadUsage : Failure),
        OperationCanceledException => ("stopped; nothing half-written was left.", Interrupted),
        IOException io when DiskFullCodes.Contains(io.HResult) =>
            (OneLine($"the disk is full, nothing half-written was left: {io.Message}"), Failure),
        ModelException or WeightFileException or PictureException or InvalidDataException or DeviceMemoryException or ContextLengthException
            or IOException or UnauthorizedAccessException => (OneLine(error.Message), Failure),
        OutOfMemoryException => ("there is too little memory.", Failure),
        _ => (OneLine($"an error inside of the tool, {error.GetType().Name}: {error.Message}"), Failure),
    };

    private static string OneLine(string text)
    {
        string line = new([.. text.ReplaceLineEndings(" ").Select(c => char.IsControl(c) ? '?' : c)]);
        return line.Length <= LongestLine ? line : $"{line[..LongestLine]} ...";
    }
}

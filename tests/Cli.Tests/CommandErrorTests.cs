using ChainOfSpot.Cli.Errors;
using ChainOfSpot.Images;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Cli.Tests;

/// <summary>Which code an exception is reported by.</summary>
public sealed class CommandErrorTests
{
    public static TheoryData<Exception, string, int> Errors => new()
    {
        { new CommandException("file_not_written", "a.png: no"), "file_not_written", 1 },
        { new CommandException("bad_option", "no"), "bad_option", 2 },
        { new PictureException("a.png", "is no picture"), "picture_not_decoded", 1 },
        { new PictureException("a.png", "cannot be read", new FileNotFoundException()), "picture_not_found", 1 },
        { new PictureException("a.png", "cannot be read", new UnauthorizedAccessException()), "picture_not_decoded", 1 },
        { new ModelException("dir", "no"), "model_invalid", 1 },
        { new WeightFileException("a.safetensors", "no"), "weight_file_invalid", 1 },
        { new InvalidDataException("tokenizer.model: no"), "tokenizer_invalid", 1 },
        { new ContextLengthException(5000, 576, 4096), "context_too_long", 1 },
        { new KvCacheFullException(4, 64), "cache_full", 1 },
        { new DeviceNotFoundException(new DeviceChoice(DeviceKind.Cuda), "none"), "device_not_found", 1 },
        { new NotSupportedException("a cache in F16"), "bad_option", 2 },
        { new DeviceMemoryException("cpu", 1L << 50, "weights"), "out_of_memory", 1 },
        { new InsufficientMemoryException(), "out_of_memory", 1 },
        { new EndOfStreamException(), "file_not_read", 1 },
        { new UnauthorizedAccessException(), "file_not_read", 1 },
        { new TaskCanceledException(), "cancelled", 130 },
        { new ArgumentException("inside"), "internal", 1 },
        { new InvalidOperationException("inside"), "internal", 1 },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void An_exception_has_a_code_and_an_exit_code(Exception error, string code, int exitCode)
    {
        CommandError reported = CommandError.Of(error);
        Assert.Equal((code, exitCode), (reported.Code, reported.ExitCode));
        Assert.NotEmpty(reported.Message);
    }

    [Fact]
    public void A_message_is_one_line_without_control_characters()
    {
        CommandError reported = CommandError.Of(new ModelException("dir", "two\r\nlines,\ta tab and \e[31m" + new string('x', 10_000)));
        Assert.StartsWith("dir: two lines, a tab and ?[31mxxx", reported.Message, StringComparison.Ordinal);
        Assert.True(reported.Message.Length < 2100);
    }
}

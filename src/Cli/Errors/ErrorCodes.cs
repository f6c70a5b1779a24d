namespace ChainOfSpot.Cli.Errors;

/// <summary>The codes that programs tell errors apart by.</summary>
internal static class ErrorCodes
{
    public const string BadOption = "bad_option";
    public const string BadLine = "bad_line";
    public const string PictureNotFound = "picture_not_found";
    public const string PictureNotDecoded = "picture_not_decoded";
    public const string ModelNotFound = "model_not_found";
    public const string ModelInvalid = "model_invalid";
    public const string WeightFileInvalid = "weight_file_invalid";
    public const string TokenizerInvalid = "tokenizer_invalid";
    public const string ContextTooLong = "context_too_long";
    public const string CacheFull = "cache_full";
    public const string DeviceNotFound = "device_not_found";
    public const string OutOfMemory = "out_of_memory";
    public const string FileNotRead = "file_not_read";
    public const string FileNotWritten = "file_not_written";
    public const string Cancelled = "cancelled";
    public const string Internal = "internal";
}

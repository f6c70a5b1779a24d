namespace ChainOfSpot.Runtime.Devices;

/// <summary>A device has less free memory than was asked for.</summary>
public sealed class DeviceMemoryException : Exception
{
    /// <summary>Names the device, what was wanted and for what.</summary>
    public DeviceMemoryException(string device, long bytes, string purpose, Exception? inner = null)
        : base($"{device}: {bytes:N0} bytes for {purpose} are not to be had; use fewer context positions, a smaller model or a device with more memory.", inner)
    {
        Bytes = bytes;
    }

    /// <summary>Says in full what was wanted and what would fit.</summary>
    public DeviceMemoryException(string message, long bytes)
        : base(message)
    {
        Bytes = bytes;
    }

    /// <summary>The bytes that were asked for.</summary>
    public long Bytes { get; }
}

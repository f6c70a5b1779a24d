using System.Diagnostics;
using System.Text.Json;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Profile;

/// <summary>
/// Operations in the Trace Event Format ("Trace Event Format", Google, 2016): complete events, times in microseconds.
/// </summary>
internal static class OperationTrace
{
    /// <summary>Writes a trace that begins at <paramref name="start"/>, in ticks of <see cref="Stopwatch"/>.</summary>
    public static void Write(Stream stream, IReadOnlyList<OperationRecord> records, long start)
    {
        using var json = new Utf8JsonWriter(stream);
        json.WriteStartObject();
        json.WriteString("displayTimeUnit", "ms");
        json.WriteStartArray("traceEvents");
        foreach (OperationRecord record in records)
            WriteEvent(json, record, start);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteEvent(Utf8JsonWriter json, in OperationRecord record, long start)
    {
        json.WriteStartObject();
        json.WriteString("name", record.Name);
        json.WriteString("cat", "operation");
        json.WriteString("ph", "X");
        json.WriteNumber("pid", 1);
        json.WriteNumber("tid", 1);
        json.WriteNumber("ts", Stopwatch.GetElapsedTime(start, record.Start).TotalMicroseconds);
        json.WriteNumber("dur", record.Duration.TotalMicroseconds);
        json.WriteStartObject("args");
        json.WriteString("shape", record.Shape.ToString());
        json.WriteNumber("operations", record.Cost.Operations);
        json.WriteNumber("bytes", record.Cost.Bytes);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}

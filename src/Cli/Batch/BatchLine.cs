using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using ChainOfSpot.Cli.Errors;
using ChainOfSpot.Cli.Output;

namespace ChainOfSpot.Cli.Batch;

/// <summary>A line of a file of questions, or of answers.</summary>
/// <param name="Number">Its number in the file, from 1.</param>
/// <param name="Text">The line.</param>
internal sealed record BatchLine(int Number, string Text)
{
    private const string Image = "image";
    private const string Question = "question";
    private const string Result = "result";

    // As in the objects that --json prints.
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The picture and the question.</summary>
    /// <exception cref="CommandException">The line is no JSON object, or lacks one of them.</exception>
    public (string Image, string Question) Read()
    {
        using JsonDocument line = Parse();
        return (Value(line, Image), Value(line, Question));
    }

    /// <summary>Whether this line, of the answers, may be that of a line of the questions.</summary>
    public bool MayAnswer(BatchLine question)
    {
        (string, string) asked;
        try
        {
            asked = question.Read();
        }
        catch (CommandException)
        {
            // That it cannot be read is its answer.
            return true;
        }
        try
        {
            return Read() == asked;
        }
        catch (CommandException)
        {
            return false;
        }
    }

    /// <summary>The line with the result of its question; a result that is there is replaced. Where it is no object, the result alone.</summary>
    /// <param name="result">A JSON object.</param>
    public string With(string result)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, Plain))
        {
            writer.WriteStartObject();
            try
            {
                using JsonDocument line = Parse();
                foreach (JsonProperty property in line.RootElement.EnumerateObject().Where(property => !property.NameEquals(Result)))
                {
                    writer.WritePropertyName(property.Name);
                    writer.WriteRawValue(property.Value.GetRawText());
                }
            }
            catch (CommandException)
            {
                // Its result says so.
            }
            writer.WritePropertyName(Result);
            writer.WriteRawValue(result);
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    private JsonDocument Parse()
    {
        JsonDocument line;
        try
        {
            line = JsonDocument.Parse(Text);
        }
        catch (JsonException error)
        {
            throw new CommandException(ErrorCodes.BadLine, $"is no JSON: {error.Message.OnOneLine()}", error);
        }
        if (line.RootElement.ValueKind == JsonValueKind.Object)
            return line;
        line.Dispose();
        throw new CommandException(ErrorCodes.BadLine, "is no JSON object; expected one with \"image\" and \"question\".");
    }

    private static string Value(JsonDocument line, string name) =>
        line.RootElement.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? text
            : throw new CommandException(ErrorCodes.BadLine, $"has no text \"{name}\".");
}

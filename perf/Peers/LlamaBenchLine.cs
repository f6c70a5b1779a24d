using System.Text.Json;

namespace ChainOfSpot.PeerBench;

/// <summary>One test of llama-bench's <c>-o json</c>; our own program prints the same.</summary>
/// <param name="NPrompt">Tokens of the prompt.</param>
/// <param name="NGen">Tokens that were generated.</param>
/// <param name="AvgTs">Tokens a second.</param>
/// <param name="CpuInfo">The processor, as the program names it.</param>
/// <param name="BuildCommit">What it was built from.</param>
/// <param name="InstructionSet">The vector instructions in use; llama-bench tells none.</param>
internal sealed record LlamaBenchLine(
    int NPrompt, int NGen, double AvgTs, string? CpuInfo = null, string? BuildCommit = null, string? InstructionSet = null)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>The last test of what a program printed: "-gp" runs come behind those that llama-bench adds by itself.</summary>
    /// <exception cref="InvalidOperationException">There is no such array of tests in it.</exception>
    public static LlamaBenchLine ReadLast(string printed)
    {
        int start = printed.IndexOf('[', StringComparison.Ordinal);
        try
        {
            LlamaBenchLine[] lines = start < 0 ? [] : JsonSerializer.Deserialize<LlamaBenchLine[]>(printed[start..], Json) ?? [];
            if (lines is [.., { AvgTs: > 0 } last])
                return last;
        }
        catch (JsonException e)
        {
            throw new InvalidOperationException($"No list of tests as llama-bench prints with \"-o json\": {e.Message}", e);
        }
        throw new InvalidOperationException("No test with tokens a second; \"-o json\" is needed among the peer's arguments.");
    }

    public string ToJson() => JsonSerializer.Serialize<LlamaBenchLine[]>([this], Json);
}

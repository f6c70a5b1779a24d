using Spectre.Console;

namespace ChainOfSpot.WeightsTools;

/// <summary>Rows of tables whose cells are what they say, brackets included.</summary>
internal static class TableRows
{
    public static void AddPlainRow(this Table table, params ReadOnlySpan<string> cells)
    {
        string[] escaped = new string[cells.Length];
        for (int i = 0; i < cells.Length; i++)
            escaped[i] = Markup.Escape(cells[i]);
        table.AddRow(escaped);
    }
}
